import numpy as np
import pytest
import torch

from vividlib.audio_to_mesh.network import SPOKEN
from vividlib.conventions import ARKIT_INDEX
from vividlib.errors import InputError
from vividlib.head import model
from vividlib.training import clips, examples
from vividlib.training.visemes import Phone

JAW, SMILE = ARKIT_INDEX["jawOpen"], ARKIT_INDEX["mouthSmileLeft"]


def clip(speaker: str, jaw: np.ndarray, tracked: bool = True, phones=(), samples=None) -> clips.Clip:
    frames, known = len(jaw), len(jaw) if tracked else 0
    blendshapes = np.zeros((frames, 52), np.float32)
    blendshapes[:, JAW] = jaw
    random = np.random.default_rng(len(speaker))
    return clips.Clip(
        speaker=speaker, tracked=tracked, voiced=np.ones(frames, np.float32), blendshapes=blendshapes,
        samples=random.normal(0, 0.1, frames * 320).astype(np.float32) if samples is None else samples,
        lip_offsets=np.zeros((known, 40, 3), np.float32), head_rotation=np.zeros((known, 4)),
        head_translation=np.zeros((known, 3)), gaze=np.zeros((known, 2)),
        identity=np.ones(80 if tracked else 0, np.float32), phones=tuple(phones),
    )  # fmt: skip


@pytest.fixture
def head():
    return model.load()


def read(tmp_path, head, *given: clips.Clip) -> list[examples.Example]:
    for number, one in enumerate(given):
        clips.save(tmp_path, f"clip{number:02}", one)
    return examples.read_examples([tmp_path], head)


def test_clips_come_back_as_they_were_saved(tmp_path):
    phones = (Phone("", 0.0, 0.5), Phone("b", 0.5, 0.75), Phone("ɑː", 0.75, 2.0))
    saved = clip("me", np.linspace(0, 0.5, 100), phones=phones)
    clips.save(tmp_path, "one", saved)
    loaded = clips.load(clips.path(tmp_path, "one"))
    assert loaded.phones == phones and loaded.speaker == "me" and loaded.tracked
    np.testing.assert_allclose(loaded.blendshapes, saved.blendshapes, atol=1e-3)
    np.testing.assert_allclose(loaded.samples, saved.samples, atol=1e-4)
    assert not list(tmp_path.rglob("*partial*"))


def test_everybody_is_brought_to_the_same_full_opening(tmp_path, head):
    wave = 0.5 + 0.5 * np.sin(np.linspace(0, 20, 300))
    mumbler, shouter, rule = read(
        tmp_path, head, clip("a", 0.25 * wave), clip("b", 0.45 * wave), clip("c", 0.25 * wave, tracked=False)
    )
    widest = [float(e.curves.max()) for e in (mumbler, shouter, rule)]
    assert widest[0] == pytest.approx(widest[1], rel=0.02)
    assert widest[2] == pytest.approx(0.25, abs=1e-3)  # what was made by rule is of one size already


def test_lips_that_are_said_to_close_are_closed_unless_they_are_seen_wide_open(tmp_path, head):
    phones = [Phone("a", 0, 1), Phone("b", 1, 1.1), Phone("a", 1.1, 3), Phone("m", 3, 3.1), Phone("a", 3.1, 4)]
    jaw = np.full(200, 0.3)
    jaw[45:58] = 0.06  # nearly closed at the b, wide open at the m
    (example,) = read(tmp_path, head, clip("a", jaw, phones=phones))
    assert example.closed[48:52].max() == 1 and example.closed[140:160].max() == 0 and example.closed[10:40].max() == 0
    assert example.sound[20] == examples.CLASSES.index("a") and example.sound[52] == examples.CLASSES.index("p")


def test_what_nobody_has_aligned_is_not_guessed(tmp_path, head):
    (example,) = read(tmp_path, head, clip("a", np.full(100, 0.3)))
    assert example.bitten.isnan().all() and (example.sound == examples.UNKNOWN).all()


def test_the_basis_of_offsets_spans_them_strongest_first(tmp_path, head):
    random = np.random.default_rng(0)
    ways = random.normal(0, 1e-3, (3, 120))
    made = clip("a", np.full(400, 0.3))
    shares = random.normal(size=(400, 3)) * [3, 2, 1]
    moved = clips.Clip(**{**vars(made), "lip_offsets": (shares @ ways).reshape(400, 40, 3).astype(np.float32)})
    (example,) = read(tmp_path, head, moved)
    basis = examples.offset_basis([example])
    sizes = basis.norm(dim=1)
    assert (sizes[:3] > 1e-1).all() and (sizes[3:] < 2e-2).all() and (sizes.diff()[:2] < 0).all()
    left = example.offsets - example.offsets @ torch.linalg.pinv(basis[:3]) @ basis[:3]
    assert left.abs().max() < 0.05  # mm: halves have 11 bits


def test_people_held_out_are_not_learned_from(tmp_path, head):
    names = ["id24", "vox_03", "somebody", "nobody"]
    found = read(tmp_path, head, *(clip(name, np.full(80, 0.3)) for name in names for _ in range(10)))
    learned, check, strangers = examples.split(found)
    assert {e.speaker for e in strangers} == {"id24", "vox_03"} and len(strangers) == 20
    assert not {e.speaker for e in learned + check} & clips.HELD_OUT
    assert not {e.name for e in learned} & {e.name for e in check} and len(learned) + len(check) == 20


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(examples, "BATCH", 24)
    monkeypatch.setattr(examples, "WINDOW", 60)


def test_batches_are_the_same_again_and_other_steps_differ(tmp_path, head, small):
    found = read(tmp_path, head, clip("a", np.full(90, 0.3)), clip("b", np.full(70, 0.2), tracked=False))
    one, again, other = (examples.Batches(found, seed=1).at(step) for step in (5, 5, 6))
    for name in vars(one):
        assert torch.equal(getattr(one, name).nan_to_num(9), getattr(again, name).nan_to_num(9)), name
    assert not torch.equal(one.mel, other.mel) and one.mel.shape == (24, 120, 64) and one.curves.shape[1] == 60


def test_negatives_ask_for_a_mouth_at_rest_in_the_neutral_style(tmp_path, head, small, monkeypatch):
    monkeypatch.setattr(examples, "NEGATIVE_SHARE", 0.5)
    monkeypatch.setattr(examples, "SILENT_SHARE", 0.0)
    still = clips.Clip(**{**vars(clip("music", np.zeros(200), tracked=False)), "voiced": np.zeros(200, np.float32)})
    found = read(tmp_path, head, clip("a", np.full(200, 0.3)), still)
    batch = examples.Batches(found, seed=0).at(0)
    quiet = batch.voiced.amax(1) == 0
    assert 4 < int(quiet.sum()) < 20
    assert not batch.curves[quiet].any() and not batch.code[quiet].any()
    assert batch.curves[~quiet][..., SPOKEN.index("jawOpen")].min() > 0


def test_silence_asks_for_a_mouth_at_rest(tmp_path, head, small, monkeypatch):
    monkeypatch.setattr(examples, "SILENT_SHARE", 1.0)
    spoken = (Phone("f", 0.0, 1.0), Phone("a", 1.0, 2.0))
    batch = examples.Batches(read(tmp_path, head, clip("a", np.full(100, 0.3), phones=spoken)), seed=0).at(0)
    for name in ("curves", "offsets", "voiced", "bitten"):
        assert not getattr(batch, name).any(), name
    assert (batch.closed == 1).all() and (batch.sound == examples.CLASSES.index("")).all()


def test_identity_is_told_as_often_as_it_should_be(tmp_path, head, small, monkeypatch):
    found = read(tmp_path, head, clip("a", np.full(100, 0.3)))
    for share in (0.0, 0.5, 1.0):
        monkeypatch.setattr(examples, "KNOWN_SHARE", share)
        told = [examples.Batches(found, seed=0).at(step).identity.any(1) for step in range(4)]
        assert float(torch.cat(told).float().mean()) == pytest.approx(share, abs=0.2 * (0 < share < 1))


def test_people_count_by_the_root_of_what_there_is_of_them_and_synthetic_voices_by_their_share(tmp_path, head):
    given = [clip("little", np.full(100, 0.3)), clip("much", np.full(900, 0.3)), clip("made", np.full(500, 0.3), False)]
    batches = examples.Batches(read(tmp_path, head, *given), seed=0)
    shares = dict(zip(batches.names, batches.shares))
    assert shares["made"] == pytest.approx(examples.SYNTHETIC_SHARE) and sum(shares.values()) == pytest.approx(1)
    assert shares["much"] == pytest.approx(3 * shares["little"])


def test_the_seams_between_clips_do_not_count(tmp_path, head, small, monkeypatch):
    monkeypatch.setattr(examples, "PACE", (1.0, 1.0))
    batch = examples.Batches(read(tmp_path, head, clip("a", np.full(20, 0.3))), seed=0).at(0)
    assert batch.counts[:, :13].amin(1).max() == 0  # of a clip of 20 frames 12 count
    inside = 20 - 2 * examples.SEAM
    assert float(batch.counts.mean()) == pytest.approx(inside / 20, abs=0.1)


def test_a_faster_pace_moves_sound_and_lips_together(tmp_path, head, small, monkeypatch):
    monkeypatch.setattr(examples, "PACE", (1.1, 1.1))
    loud = np.repeat(np.random.default_rng(0).uniform(0, 1, 40), 10)
    samples = (np.random.default_rng(1).normal(0, 0.1, 400 * 320) * np.repeat(loud, 320)).astype(np.float32)
    found = read(tmp_path, head, clip("a", 0.5 * loud, samples=samples))
    random = np.random.default_rng(3)
    for _ in range(6):
        window = examples._window(found, random)
        heard = window["mel"].sum(1).unflatten(0, (60, 2)).mean(1).sqrt()
        jaw = window["curves"][:, SPOKEN.index("jawOpen")]
        assert torch.corrcoef(torch.stack([heard, jaw]))[0, 1] > 0.9


def test_what_prepare_keeps_beside_its_clips_is_refused_with_advice(tmp_path, head):
    np.savez(tmp_path / "track.npz", blendshapes=np.zeros((3, 52)))
    with pytest.raises(InputError, match="clips"):
        examples.read_examples([tmp_path], head)


def test_an_empty_folder_is_refused_with_advice(tmp_path, head):
    with pytest.raises(InputError, match="prepare"):
        examples.read_examples([tmp_path], head)
