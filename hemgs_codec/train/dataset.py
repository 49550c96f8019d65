"""A data set to train on: photos with cameras, those held out, and what is known of the scene's points.

folder ── listing: which photo, which camera, which split, points
              │
           photo: opened for its size; the camera scaled to it, wide ones to max_width
              │
          Dataset ── pixels(photo): read on demand, kept in memory while the budget lasts
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hemgs_codec.render.eight_bit import UInt8Array
from hemgs_codec.train.listing import list_photos
from hemgs_codec.train.photo import Photo, PhotoReader, fit_photo
from hemgs_codec.train.sfm_points import Points
from hemgs_format.errors import SceneError

_BUDGET = 4 << 30
_WHITE, _BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Photos for training and for testing.

    Attributes
    ----------
    train, test : list of Photo
        What is trained on, and what is held out; test may be empty.
    points : (P, 3) float64 or None
        Positions that structure from motion found, in the world; None if the set has none.
    background : three floats, 0 .. 1
        What transparent photos are laid on, and renders should be.
    name : str
        The folder's.
    """

    train: list[Photo]
    test: list[Photo]
    points: Points | None
    background: tuple[float, float, float]
    name: str
    _reader: PhotoReader = field(repr=False)

    def pixels(self, photo: Photo) -> UInt8Array:
        """Return a photo's pixels (H, W, 3) uint8, of its camera's size; not to be written to.

        Raises
        ------
        SceneError
            The file is damaged or gone.
        """
        return self._reader.read(photo)


def load_dataset(
    folder: Path,
    *,
    background: tuple[float, float, float] | None = None,
    images: str | None = None,
    max_width: int = 1600,
    budget: int = _BUDGET,
) -> Dataset:
    """Load a data set of one of the field's layouts; pixels are read when they are asked for.

    Of COLMAP models with photos beside them (`sparse/0` and `images`, `images_2` ..) every eighth photo by
    name is held out, the first included; of nerfstudio's `transforms.json` too, unless it lists names.
    Blender's `transforms_train.json` and `transforms_test.json` tell their own.

    Parameters
    ----------
    background
        Of transparent photos and of renders, 0 .. 1; white if training photos are transparent, else black.
    images
        The folder of photos in ``folder``, for sets with copies of several sizes. If not given: `images` for
        COLMAP's, what the JSON has for nerfstudio's.
    max_width
        Wider photos are scaled down to this many pixels, with their cameras.
    budget
        Bytes of pixels that are kept in memory; photos beyond are read again each time.

    Raises
    ------
    SceneError
        The layout isn't known, a file is damaged, lenses distort, or photos are missing or don't fit.
    OSError
        A file can't be read.
    """
    folder = Path(folder)
    listing = list_photos(folder, images)
    if not listing.train:
        raise SceneError(f"{folder}: no photo is for training, {len(listing.test)} held out: expected more")
    train = [fit_photo(camera, path, max_width) for camera, path in listing.train]
    test = [fit_photo(camera, path, max_width) for camera, path in listing.test]
    if background is None:
        background = _WHITE if any(photo.transparent for photo in train) else _BLACK
    reader = PhotoReader(background, budget)
    return Dataset(train, test, listing.points, background, folder.resolve().name, reader)
