import numpy as np
import pytest

from vividlib.conventions import ARKIT, ARKIT_INDEX, MOTION_RATE, SAMPLE_RATE
from vividlib.errors import InputError
from vividlib.training import clips, phones
from vividlib.training.synthesize import unfilmed
from vividlib.training.visemes import CLASSES, LIP_ROUNDING, PRIOR, Phone, read_targets, shares

JAW, PUCKER = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthPucker"]
PRIORS = np.stack([PRIOR[name] for name in CLASSES])


def sentence(seed: int, sounds: str = "aiuptslm") -> list[Phone]:
    """Sounds of random lengths in random order, between silences."""
    random = np.random.default_rng(seed)
    ends = np.cumsum([0.4, *random.uniform(0.06, 0.16, 20), 0.4])
    names = ["", *random.choice(list(sounds), 20), ""]
    return [Phone(str(name), start, end) for name, start, end in zip(names, [0, *ends], ends)]


def said(targets: np.ndarray, seed: int) -> phones._Said:
    spoken = sentence(seed)
    others, rounding = shares(spoken, int(spoken[-1].end * MOTION_RATE))
    curves = others @ targets
    curves[:, LIP_ROUNDING] = rounding @ targets[:, LIP_ROUNDING]
    return phones._Said(curves, spoken)


@pytest.fixture(scope="module")
def true() -> np.ndarray:
    """Targets other than those by hand, silent in silence."""
    targets = PRIORS.copy()
    for name in phones.SHAPES:
        targets[:, ARKIT_INDEX[name]] *= 1.3
    targets[CLASSES.index("a"), JAW], targets[CLASSES.index("i"), PUCKER] = 0.8, 0.3
    return targets


def test_targets_are_found_again_in_what_was_said_with_them(true, monkeypatch):
    monkeypatch.setattr(phones, "PRIOR_FRAMES", 0.01)
    found = phones.fit([said(true, seed) for seed in range(20)])
    heard = [CLASSES.index(name) for name in "aiuptsl"]
    assert found[heard] == pytest.approx(true[heard], abs=0.01)
    assert not found[CLASSES.index("")].any()


def test_what_was_never_said_stays_by_hand_at_the_size_of_the_rest(true):
    found = phones.fit([said(true, seed) for seed in range(20)])
    row = CLASSES.index("y")
    assert PRIORS[row, JAW] < found[row, JAW] < 2 * PRIORS[row, JAW]
    hidden = [ARKIT_INDEX["mouthRollLower"], ARKIT_INDEX["tongueOut"]]
    assert found[:, hidden] == pytest.approx(PRIORS[:, hidden])


def test_learned_targets_are_nearer_on_sentences_not_learned_from(true):
    found = phones.fit([said(true, seed) for seed in range(20)])
    unseen = [said(true, seed) for seed in range(100, 105)]
    assert phones.distance(unseen, true) == pytest.approx(0, abs=1e-6)
    assert phones.distance(unseen, found) < 0.7 * phones.distance(unseen, PRIORS)


def test_a_table_is_read_as_it_was_written(tmp_path, true):
    phones.write_targets(true, tmp_path / "table.csv")
    read = read_targets(tmp_path / "table.csv")
    assert list(read) == CLASSES
    assert np.stack(list(read.values())) == pytest.approx(true, abs=6e-3)


def test_both_sides_are_learned_as_one():
    curves = np.zeros((3, len(ARKIT)))
    curves[:, ARKIT_INDEX["mouthSmileLeft"]] = 0.4
    curves[:, JAW] = 0.2
    both = phones._symmetric(curves)
    assert both[:, ARKIT_INDEX["mouthSmileLeft"]] == pytest.approx(0.2)
    assert both[:, ARKIT_INDEX["mouthSmileRight"]] == pytest.approx(0.2)
    assert both[:, JAW] == pytest.approx(0.2)


def filmed(speaker: str, tracked: bool = True) -> clips.Clip:
    spoken = sentence(0)
    frames = int(spoken[-1].end * MOTION_RATE)
    samples = np.zeros(frames * SAMPLE_RATE // MOTION_RATE, np.float32)
    made = unfilmed(speaker, samples, np.full((frames, 52), 0.1, np.float32), np.ones(frames, np.float32), spoken)
    return clips.Clip(**{**vars(made), "tracked": tracked})


def test_nothing_is_learned_from_people_held_out_or_from_synthetic_speech(tmp_path):
    held_out = min(clips.HELD_OUT)
    for number in range(30):
        clips.save(tmp_path, f"held_{number}", filmed(held_out))
        clips.save(tmp_path, f"made_{number}", filmed("espeak", tracked=False))
    assert phones._read([tmp_path]) == ([], [])
    with pytest.raises(InputError, match="prepare"):
        phones.learn([tmp_path], tmp_path / "table.csv")
    assert not (tmp_path / "table.csv").exists()


def test_some_clips_are_kept_to_check_with(tmp_path):
    for number in range(40):
        clips.save(tmp_path, f"filmed_{number}", filmed("somebody"))
    learned, checked = phones._read([tmp_path])
    assert len(learned) + len(checked) == 40 and 0 < len(checked) < len(learned)
    learned_error, by_hand = phones.learn([tmp_path], tmp_path / "table.csv")
    assert 0 < learned_error < by_hand and (tmp_path / "table.csv").exists()
