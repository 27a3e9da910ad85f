"""What somebody would otherwise pick, on the photos and embeddings that Lineup was just measured on.

usage: beside.py PHOTOS EMBEDDINGS PROBES ROUNDS

PHOTOS is a folder of JPEGs with a face each; EMBEDDINGS and PROBES hold 128 float32 a row. Prints
one JSON object: photos a second and milliseconds a search (medians), and the nearest row of
each probe, so that the caller can see that both found the same.
"""
import json
import pathlib
import sys
import time
import warnings

warnings.filterwarnings("ignore", message="pkg_resources")
import face_recognition  # noqa: E402
import numpy

K = 64


def embed(photos, upsample):
    """Photos a second: read, find the face, embed."""
    start = time.perf_counter()
    missed = 0
    for path in photos:
        image = face_recognition.load_image_file(path)
        boxes = face_recognition.face_locations(image, number_of_times_to_upsample=upsample)
        if not face_recognition.face_encodings(image, known_face_locations=boxes):
            missed += 1
    return len(photos) / (time.perf_counter() - start), missed


def by_face_distance(gallery, probe):
    """The library's own search: compare with everybody."""
    distances = face_recognition.face_distance(gallery, probe)
    nearest = numpy.argpartition(distances, K)[:K]
    return nearest[numpy.argsort(distances[nearest])]


def by_product(gallery, squares, probe):
    """Brute force as NumPy does it best: |x|^2 - 2 x.p, one product of matrix and vector."""
    distances = squares - 2 * (gallery @ probe)
    nearest = numpy.argpartition(distances, K)[:K]
    return nearest[numpy.argsort(distances[nearest])]


def timed(search, probes, rounds):
    took, found = [], []
    for i in range(rounds):
        start = time.perf_counter()
        nearest = search(probes[i % len(probes)])
        took.append(time.perf_counter() - start)
        found.append(int(nearest[0]))
    return 1000 * float(numpy.median(took)), found


def main():
    folder, embeddings, probes, rounds = sys.argv[1:]
    photos = sorted(pathlib.Path(folder).glob("*.jpg"))
    embed(photos[:3], 0)  # the models are loaded at first use
    plain, missed = embed(photos, 0)
    usual, _ = embed(photos, 1)
    gallery = numpy.fromfile(embeddings, dtype=numpy.float32).reshape(-1, 128)
    asked = numpy.fromfile(probes, dtype=numpy.float32).reshape(-1, 128)
    squares = numpy.einsum("ij,ij->i", gallery, gallery)
    distance_ms, found = timed(lambda p: by_face_distance(gallery, p), asked, int(rounds))
    product_ms, _ = timed(lambda p: by_product(gallery, squares, p), asked, int(rounds))
    json.dump({
        "photosPerSecond": plain, "photosPerSecondUpsampled": usual, "missed": missed,
        "faceDistanceMs": distance_ms, "productMs": product_ms, "nearest": found,
    }, sys.stdout)


main()
