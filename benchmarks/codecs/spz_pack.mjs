// Write a .spz with a given number of SH bits, which splat-transform doesn't let users choose.
//
//     node spz_pack.mjs LIBRARY SCENE.ply OUT.spz SH1_BITS SH_REST_BITS
//
// Axes stay as they are in the .ply, as with splat-transform, so that it reads the file back.

import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const SH_DEGREES = { 0: 0, 3: 1, 8: 2, 15: 3 };

/** Return a function from names to columns, of a binary .ply whose properties are all floats. */
const readColumns = (file) => {
    const bytes = readFileSync(file);
    const end = bytes.indexOf('end_header\n') + 'end_header\n'.length;
    const lines = bytes.toString('latin1', 0, end).split('\n').map(line => line.trim().split(/\s+/));
    const properties = lines.filter(words => words[0] === 'property');
    const elements = lines.filter(words => words[0] === 'element');
    if (!lines.some(words => words[1] === 'binary_little_endian') || elements.length !== 1 ||
        properties.some(words => words[1] !== 'float' && words[1] !== 'float32')) {
        throw new Error('expected a binary little-endian .ply of floats');
    }
    const names = properties.map(words => words[2]);
    const count = Number(elements[0][2]);
    const view = new DataView(bytes.buffer, bytes.byteOffset + end);
    const column = (name) => {
        const place = names.indexOf(name);
        if (place < 0) throw new Error(`the .ply has no ${name}`);
        return Float32Array.from({ length: count },
            (_, row) => view.getFloat32(4 * (row * names.length + place), true));
    };
    return { count, rest: names.filter(name => name.startsWith('f_rest_')).length, column };
};

/** Return columns side by side, row after row. */
const interleave = (columns, count) => {
    const all = new Float32Array(count * columns.length);
    columns.forEach((values, place) => {
        for (let row = 0; row < count; row++) all[row * columns.length + place] = values[row];
    });
    return all;
};

const [library, source, target, sh1Bits, shRestBits] = process.argv.slice(2);
const { default: createSpzModule } = await import(pathToFileURL(library).href);
const spz = await createSpzModule();
const { count, rest, column } = readColumns(source);
const join = names => interleave(names.map(column), count);
// A .ply has all of red's coefficients before green's; SPZ has red, green, blue of each coefficient.
const coefficients = rest / 3;
const sh = Array.from({ length: rest }, (_, i) => `f_rest_${(i % 3) * coefficients + Math.floor(i / 3)}`);
const cloud = {
    numPoints: count,
    shDegree: SH_DEGREES[coefficients],
    antialiased: false,
    extensions: [],
    positions: join(['x', 'y', 'z']),
    scales: join(['scale_0', 'scale_1', 'scale_2']),
    rotations: join(['rot_1', 'rot_2', 'rot_3', 'rot_0']),
    alphas: column('opacity'),
    colors: join(['f_dc_0', 'f_dc_1', 'f_dc_2']),
    sh: join(sh)
};
writeFileSync(target, spz.saveSpzToBuffer(cloud, {
    version: 4,
    from: spz.CoordinateSystem.UNSPECIFIED,
    sh1Bits: Number(sh1Bits),
    shRestBits: Number(shRestBits)
}));
