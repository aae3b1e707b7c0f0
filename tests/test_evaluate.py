"""Measuring: predictions beside labels, in labelled and in detected boxes, and the figures of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import KeypointPredictor, load_scheme
from fkd.formats import LabelledFace
from fkd.geometry import crop_from_points, cut
from tests.nets import dotted_faces, tiny_net
from tests.pictures import faceless, portrait, tile_of_nine
from training.evaluate import Evaluation, evaluate, summary

SCHEME = load_scheme("kaggle15")


def an_evaluation(error_px: float, n: int = 4) -> Evaluation:
    """Faces whose outer eye corners are 100 px apart and whose points are all off by `error_px`."""
    labels = np.random.default_rng(0).uniform(0, 200, (n, 15, 2))
    left, right = SCHEME.outer_eye_corners
    labels[:, right] = labels[:, left] + [100, 0]
    return Evaluation(labels + [error_px, 0], labels, 0)


def test_the_figures_of_a_constant_error():
    figures = summary(an_evaluation(5.0), SCHEME)
    assert figures["n"] == 4 and figures["missed"] == 0
    assert figures["nme_iod"] == pytest.approx(0.05) and figures["median"] == pytest.approx(0.05)
    assert figures["auc_10"] == pytest.approx(0.5)
    assert figures["failure_8"] == 0 and figures["failure_10"] == 0
    assert figures["rmse_px"] == pytest.approx(5 / np.sqrt(2))
    assert [figures[f"{region}_px"] for region in SCHEME.regions] == pytest.approx([5.0] * 4)


def test_a_missed_face_is_a_failure_and_no_distance():
    evaluation = an_evaluation(5.0)
    evaluation.predicted_xy[0] = np.nan
    figures = summary(Evaluation(evaluation.predicted_xy, evaluation.labelled_xy, 1), SCHEME)
    assert (figures["n"], figures["missed"], figures["failure_8"]) == (4, 1, 0.25)
    assert figures["nme_iod"] == pytest.approx((1 + 3 * 0.05) / 4)
    assert figures["rmse_px"] == pytest.approx(5 / np.sqrt(2))


def test_faces_without_outer_eye_corners_still_have_pixels():
    evaluation = an_evaluation(3.0)
    evaluation.labelled_xy[:, list(SCHEME.outer_eye_corners)] = np.nan
    figures = summary(evaluation, SCHEME)
    assert "nme_iod" not in figures and figures["rmse_px"] == pytest.approx(3 / np.sqrt(2))


def test_a_region_without_labels_is_left_out():
    evaluation = an_evaluation(3.0)
    evaluation.labelled_xy[:, list(SCHEME.regions["mouth"])] = np.nan
    figures = summary(evaluation, SCHEME)
    assert "mouth_px" not in figures and "eyes_px" in figures


def test_labelled_boxes_crop_around_the_labels():
    predictor = KeypointPredictor(tiny_net(), "cpu")
    faces = dotted_faces(2)
    evaluation = evaluate(predictor, faces, "labels")
    assert evaluation.predicted_xy.shape == (2, 15, 2) and evaluation.missed == 0
    for face, predicted in zip(faces, evaluation.predicted_xy, strict=True):
        crop = crop_from_points(face.points_xy, SCHEME.crop_from_points)
        image = torch.from_numpy(face.image).permute(2, 0, 1)
        points, _ = predictor.predict_crops(cut(image, [crop], 64))
        np.testing.assert_allclose(predicted, crop.to_image(points[0].double().numpy()), atol=1e-4)


def test_detected_boxes_find_each_labelled_face_of_a_photo(predictor, tmp_path):
    for name, image in (("nine.png", tile_of_nine(150)), ("none.png", faceless()), ("one.png", portrait())):
        Image.fromarray(image).save(tmp_path / name)
    nine = predictor(tmp_path / "nine.png")
    faces = [LabelledFace(tmp_path / "nine.png", nine[i].points, "nine") for i in (4, 0, 7)]
    faces += [LabelledFace(tmp_path / "none.png", nine[4].points, "none")]
    faces += [LabelledFace(tmp_path / "one.png", nine[4].points, "one")]  # labels nowhere near the face
    evaluation = evaluate(predictor, faces, "detector")
    np.testing.assert_allclose(evaluation.predicted_xy[:3], evaluation.labelled_xy[:3], atol=1e-6)
    assert np.isnan(evaluation.predicted_xy[3:]).all() and evaluation.missed == 2
    figures = summary(evaluation, predictor.scheme)
    assert figures["missed"] == 2 and figures["rmse_px"] == pytest.approx(0, abs=1e-6)
    assert figures["failure_10"] == pytest.approx(0.4)


def test_the_shipped_weights_do_as_well_in_labelled_as_in_detected_boxes(predictor):
    (face,) = predictor(portrait())
    faces = [LabelledFace(portrait(), face.points, "portrait")]
    for boxes in ("labels", "detector"):
        assert summary(evaluate(predictor, faces, boxes), predictor.scheme)["nme_iod"] < 0.04
