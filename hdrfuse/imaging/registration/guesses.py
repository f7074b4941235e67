"""Guesses of the camera's motion between two frames: by features, and by phase correlation."""

import cv2
import numpy as np

from hdrfuse.imaging.registration.displacements import resample
from hdrfuse.imaging.registration.homography import Matrix, project
from hdrfuse.imaging.registration.matching import Pair
from hdrfuse.imaging.registration.matching_settings import MATCHING
from hdrfuse.imaging.registration.view import MatchingView, equalise_contrast


def feature_models(reference: MatchingView, frame: MatchingView) -> list[Matrix]:
    """Find homographies at the coarse level that matched features agree on, the most popular first.

    After each model its matches are set aside, so that the camera's motion is found behind a moving object's.
    """
    (points, descriptors), (others, other_descriptors) = reference.features, frame.features
    if len(points) < 8 or len(others) < 8:
        return []
    similarity = descriptors @ other_descriptors.T
    forward, backward = similarity.argmax(axis=1), similarity.argmax(axis=0)
    rows = np.arange(len(points))
    best = similarity[rows, forward].copy()
    similarity[rows, forward] = -1
    distinct = 1 - best < MATCHING.distinct * (1 - similarity.max(axis=1))
    kept = distinct & (backward[forward] == rows)
    source, target = points[kept], others[forward[kept]]
    models: list[Matrix] = []
    parameters = cv2.UsacParams()
    parameters.confidence = 0.999
    parameters.isParallel = False
    parameters.maxIterations = 2000
    parameters.randomGeneratorState = 1
    parameters.sampler = cv2.SAMPLING_UNIFORM
    parameters.score = cv2.SCORE_METHOD_MAGSAC
    parameters.loMethod = cv2.LOCAL_OPTIM_SIGMA
    parameters.threshold = MATCHING.inlier_px
    for _ in range(4):
        if len(source) < 10:
            break
        matrix, inliers = cv2.findHomography(source, target, parameters)
        if matrix is None or inliers is None or inliers.sum() < 8:
            break
        models.append(matrix)
        outside = np.hypot(*(project(matrix, source.astype(np.float64)) - target).T) > MATCHING.set_aside_px
        source, target = source[outside], target[outside]
    return models


def peaks_by_turn(pair: Pair) -> list[Matrix]:
    """Take the strongest translation for each of a hand's MATCHING.turns_deg of the camera."""
    height, width = pair.shape
    middle = ((width - 1) / 2, (height - 1) / 2)
    turns = [np.vstack([cv2.getRotationMatrix2D(middle, degrees, 1.0), [0, 0, 1]]) for degrees in MATCHING.turns_deg]
    return [peak for turn in turns for peak in phase_peaks(pair, turn=turn, count=1)]


def phase_peaks(pair: Pair, *, turn: Matrix | None = None, count: int = 3) -> list[Matrix]:
    """Take translations at the strongest peaks of the phase correlation (Kuglin & Hines 1975), after a turn."""
    height, width = pair.shape
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    turn = np.eye(3) if turn is None else turn
    frame, frame_mask = (
        plane if (turn == np.eye(3)).all() else resample(plane, turn, cv2.INTER_LINEAR)
        for plane in (pair.frame, pair.frame_mask)
    )
    spectra = [
        np.fft.rfft2(equalise_contrast(plane) * mask * window)
        for plane, mask in ((pair.reference, pair.reference_mask), (frame, frame_mask))
    ]
    cross = np.conj(spectra[0]) * spectra[1]
    surface = np.fft.irfft2(cross / np.maximum(np.abs(cross), 1e-9), s=(height, width)).astype(np.float32)
    surface = np.asarray(cv2.GaussianBlur(surface, (0, 0), 1.0), np.float32)
    matrices: list[Matrix] = []
    for _ in range(count):
        y, x = divmod(int(surface.argmax()), width)
        shift = (x - width if x > width // 2 else x, y - height if y > height // 2 else y)
        matrices.append(turn @ np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]], np.float64))
        cv2.circle(surface, (x, y), 4, 0.0, -1)
    return matrices
