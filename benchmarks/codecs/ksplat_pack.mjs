// Write a .ksplat, as the command of the gaussian-splats-3d repository does: its npm package has no command.
//
//     node ksplat_pack.mjs LIBRARY SCENE.ply OUT.ksplat LEVEL SH_DEGREE ALPHA_THRESHOLD

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [library, source, target, level, degree, threshold] = process.argv.slice(2);
const { PlyParser, SplatBufferGenerator } = await import(pathToFileURL(library).href);
const bytes = readFileSync(source);
// A small file's Buffer is a part of a larger one, and the parser reads from the start.
const ply = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
const splats = PlyParser.parseToUncompressedSplatArray(ply, Number(degree));
const generator = SplatBufferGenerator.getStandardGenerator(Number(threshold), Number(level));
const file = generator.generateFromUncompressedSplatArray(splats);
writeFileSync(target, Buffer.from(file.bufferData));
