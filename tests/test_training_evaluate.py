"""Labelled faces predicted: in labelled and in detected boxes, many at once, and each source as it places points."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fkd import KeypointPredictor, load_scheme
from fkd.errors import DataError
from fkd.formats import LabelledFace
from fkd.geometry import Crop, crop_from_points, cut
from fkd.images import read_image
from tests.drawn_data import corrected_drawings, keypoints_folder
from tests.nets import dotted_faces, tiny_net
from tests.pictures import faceless, portrait, rotated, saved, tile_of_nine
from tests.sure_predictor import SurePredictor
from tests.test_formats import all_points, kaggle_cells, kaggle_csv
from training.dataset import is_held_out
from training.evaluate import best_match, evaluate, predict_in_labelled_boxes, read_measured
from training.summary import summary

SCHEME = load_scheme("kaggle15")


def test_labelled_boxes_crop_around_the_labels():
    predictor = KeypointPredictor(tiny_net(), "cpu")
    faces = dotted_faces(2)
    evaluation = evaluate(predictor, faces, "labels")
    assert evaluation.predicted_xy.shape == (2, 15, 2) and not evaluation.missed.any()
    assert evaluation.sources == ("drawn", "drawn") and evaluation.groups == ("drawn/0", "drawn/1")
    for face, predicted, sure in zip(faces, evaluation.predicted_xy, evaluation.confidence, strict=True):
        crop = crop_from_points(face.points_xy, SCHEME.crop_from_points)
        image = torch.from_numpy(face.image).permute(2, 0, 1)
        points, scale = (part[0].double().numpy() for part in predictor.predict_crops(cut(image, [crop], 64)))
        np.testing.assert_allclose(predicted, crop.to_image(points), atol=1e-4)
        np.testing.assert_allclose(sure, predictor.confidence(predicted, scale * crop.size_px), atol=1e-6)


def test_faces_share_batches_and_photos_are_read_once(monkeypatch, tmp_path):
    predictor = KeypointPredictor(tiny_net(), "cpu", batch_size=4)
    faces = dotted_faces(10)
    photo = saved(tmp_path / "photo.png", faces[0].image)
    faces[:3] = [replace(face, image=photo) for face in faces[:3]]  # with three labelled faces
    sizes, read = [], []
    predict = predictor.predict_crops
    monkeypatch.setattr(predictor, "predict_crops", lambda crops: sizes.append(len(crops)) or predict(crops))
    monkeypatch.setattr("training.evaluate.read_image", lambda image: read.append(image) or read_image(image))
    points, scale = predict_in_labelled_boxes(predictor, faces, lambda items: items)
    assert sizes == [4, 4, 2] and len(read) == 8 and sum(image is photo for image in read) == 1
    assert points.shape == (10, 15, 2) and scale.shape == (10, 15)
    alone = [predict_in_labelled_boxes(predictor, [face], lambda items: items) for face in faces]
    np.testing.assert_allclose(points, np.concatenate([one[0] for one in alone]), atol=1e-3)


def test_a_source_is_measured_as_it_places_points():
    faces = [replace(face, source=source) for face, source in zip(dotted_faces(2), ("first", "other"), strict=True)]
    predictor = KeypointPredictor(tiny_net(), "cpu")
    as_is = evaluate(predictor, faces, "labels").predicted_xy
    offset = np.zeros((15, 2))
    offset[10] = [0.25, -0.125]  # the nose tip, in crop sides
    speaks_both = KeypointPredictor(tiny_net(conventions={"other": offset.tolist()}), "cpu")
    moved = evaluate(speaks_both, faces, "labels").predicted_xy - as_is
    side_px = crop_from_points(faces[1].points_xy, SCHEME.crop_from_points).size_px
    np.testing.assert_allclose(moved[0], 0, atol=1e-9)
    np.testing.assert_allclose(moved[1], offset * side_px, atol=1e-9)


def test_in_detected_boxes_the_offset_turns_with_the_face(predictor):
    offset = np.zeros((68, 2))
    offset[30] = [0.1, 0.0]  # the nose tip, to the right as one looks at the upright face
    config = replace(predictor.net.config, conventions={"other": offset.tolist()})
    speaks_both = KeypointPredictor(copy.copy(predictor.net), "cpu")  # the same tensors
    speaks_both.net.config = config
    for turn, direction in ((0, [1, 0]), (90, [0, 1])):
        image = rotated(portrait(), turn)
        (face,) = predictor(image)
        faces = [LabelledFace(image, face.points, "portrait", source="other")]
        moved = evaluate(speaks_both, faces, "detector").predicted_xy[0] - face.points
        distance = np.linalg.norm(moved[30])
        assert distance > 20 and np.abs(np.delete(moved, 30, axis=0)).max() < 1e-6
        np.testing.assert_allclose(moved[30] / distance, direction, atol=0.15)


def test_detected_boxes_find_each_labelled_face_of_a_photo(predictor, tmp_path):
    for name, image in (("nine.png", tile_of_nine(150)), ("none.png", faceless()), ("one.png", portrait())):
        Image.fromarray(image).save(tmp_path / name)
    nine = predictor(tmp_path / "nine.png")
    faces = [LabelledFace(tmp_path / "nine.png", nine[i].points, "nine") for i in (4, 0, 7)]
    faces += [LabelledFace(tmp_path / "none.png", nine[4].points, "none")]
    faces += [LabelledFace(tmp_path / "one.png", nine[4].points, "one")]  # labels nowhere near the face
    evaluation = evaluate(predictor, faces, "detector")
    np.testing.assert_allclose(evaluation.predicted_xy[:3], evaluation.labelled_xy[:3], atol=1e-6)
    np.testing.assert_allclose(evaluation.confidence[:3], [nine[i].confidence for i in (4, 0, 7)])
    assert np.isnan(evaluation.predicted_xy[3:]).all() and np.isnan(evaluation.confidence[3:]).all()
    figures = summary(evaluation)
    assert figures["missed"] == 2 and figures["rmse_px"] == pytest.approx(0, abs=1e-6)
    assert figures["failure_10"] == pytest.approx(0.4)


def test_a_face_with_one_label_is_found_within_half_its_side():
    found = SurePredictor()(np.full((1, 1, 1), 200))  # its points are 24 px wide and 12 px high

    def labelled(dx: float, **frame) -> LabelledFace:
        points = np.full((15, 2), np.nan)
        points[7] = found[0].points[7] + [dx, 0]
        return LabelledFace(np.zeros((60, 60, 3), np.uint8), points, "a", **frame)

    small, large = {"crop": Crop((22, 16), 10.0)}, {"box_xyxy": np.array([0.0, 0, 100, 100])}
    for face in (labelled(0.4), labelled(11.9), labelled(3, **small), labelled(13, **large)):
        assert best_match(face, found, SCHEME) is found[0]
    for face in (labelled(12.1), labelled(4, **small), labelled(60, **large), labelled(np.nan, **large)):
        assert best_match(face, found, SCHEME) is None
    assert best_match(labelled(0.4), [], SCHEME) is None


def test_a_face_with_all_labels_is_found_within_half_of_their_side():
    (found,) = SurePredictor()(np.full((1, 1, 1), 200))
    half_as_wide = LabelledFace(np.zeros((60, 60, 3), np.uint8), found.points / 2 + [11, 8], "a")
    near, far = (replace(half_as_wide, points_xy=half_as_wide.points_xy + [dx, 0]) for dx in (5.9, 6.1))
    assert best_match(near, [found], SCHEME) is found and best_match(far, [found], SCHEME) is None


def test_the_shipped_weights_do_as_well_in_labelled_as_in_detected_boxes(predictor):
    (face,) = predictor(portrait())
    faces = [LabelledFace(portrait(), face.points, "portrait")]
    for boxes in ("labels", "detector"):
        assert evaluate(predictor, faces, boxes).nme[0] < 0.04


def test_a_known_eye_distance_stands_in_for_corners_without_a_label():
    face = dotted_faces(1)[0]
    face.points_xy[list(SCHEME.outer_eye_corners)] = np.nan
    predictor = KeypointPredictor(tiny_net(), "cpu")
    known, unknown = (
        evaluate(predictor, [replace(face, eye_distance_px=px)], "labels").eye_distance[0] for px in (40.0, np.nan)
    )
    assert known == 40.0 and np.isnan(unknown)


def test_what_is_measured_is_all_faces_or_the_held_out_tenth(tmp_path):
    folder = keypoints_folder(tmp_path / "base", 24)
    every = read_measured([folder], SCHEME, held_out=False)
    held_out = read_measured([folder, folder], SCHEME, held_out=True)
    assert len(every) == 24 and 0 < len(held_out) < 24 and all(map(is_held_out, held_out))
    with pytest.raises(DataError, match="no face to measure on"):
        read_measured([keypoints_folder(tmp_path / "empty", 0)], SCHEME, held_out=False)


@pytest.mark.parametrize("given", ["", "corrections.csv"])
def test_corrections_are_measured_on_what_a_person_judged(tmp_path, given):
    states = ("confirmed", "moved", "occluded", *["untouched"] * 12)
    sure = corrected_drawings(tmp_path / "annotations", n=6, states=states) / given
    every = read_measured([sure], SCHEME, held_out=False)
    (held_out,) = read_measured([sure], SCHEME, held_out=True)  # every fifth picture, as for train
    assert len(every) == 6 and held_out.image in {face.image for face in every}
    for face in every:
        assert np.flatnonzero(np.isfinite(face.points_xy).all(axis=1)).tolist() == [0, 1]
        assert face.source == "corrections"


def test_a_face_that_was_corrected_is_measured_once(tmp_path):
    """The drawings of the folder, six of them corrected."""
    folder = keypoints_folder(tmp_path / "base", 24)
    annotations = corrected_drawings(tmp_path / "annotations", n=6, side_px=80)
    every = read_measured([annotations, folder], SCHEME, held_out=False)
    kept = [face for face in every if face.source == "base"]
    assert len(every) - len(kept) == 6
    assert {int(face.image.stem) for face in kept if not is_held_out(face)}.isdisjoint(range(6))


def test_faces_without_any_label_are_not_measured(tmp_path):
    path = kaggle_csv(tmp_path / "training.csv", [kaggle_cells({}), kaggle_cells(all_points())])
    (face,) = read_measured([path], SCHEME, held_out=False)
    assert np.isfinite(face.points_xy).all()
