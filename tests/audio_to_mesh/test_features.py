import numpy as np
import pytest
import torch

from vividlib.audio_to_mesh import features
from vividlib.audio_to_mesh.features import MEL_BANDS, MEL_HOP, MEL_WINDOW, mel_spectrogram, relative_log_mel
from vividlib.conventions import SAMPLE_RATE


def noise(seconds: float, amplitude: float = 0.1) -> np.ndarray:
    return np.random.default_rng(1).normal(0, amplitude, int(seconds * SAMPLE_RATE)).astype(np.float32)


def test_mel_spectrogram_is_librosas():
    librosa = pytest.importorskip("librosa")
    samples = noise(1.0) * np.linspace(0, 1, SAMPLE_RATE, dtype=np.float32)
    made = mel_spectrogram(torch.from_numpy(np.pad(samples, MEL_WINDOW // 2)))
    wanted = librosa.feature.melspectrogram(
        y=samples, sr=SAMPLE_RATE, n_fft=MEL_WINDOW, hop_length=MEL_HOP, n_mels=MEL_BANDS, pad_mode="constant"
    )
    np.testing.assert_allclose(made.numpy(), wanted.T, atol=1e-4)
    np.testing.assert_allclose(np.log10(made.numpy() + 1e-10), np.log10(wanted.T + 1e-10), atol=1e-4)


def test_mel_scale_goes_both_ways():
    hz = np.linspace(0, 8000, 50)
    np.testing.assert_allclose(features.mel_to_hz(features.hz_to_mel(hz)), hz, atol=1e-9)


def test_features_do_not_depend_on_the_level():
    mel = mel_spectrogram(torch.from_numpy(noise(2.0))).unsqueeze(0)
    torch.testing.assert_close(relative_log_mel(mel * 100), relative_log_mel(mel), atol=1e-5, rtol=0)


def test_features_do_not_depend_on_the_future():
    mel = mel_spectrogram(torch.from_numpy(noise(2.0))).unsqueeze(0)
    louder = mel.clone()
    louder[:, 100:] *= 1e4
    assert torch.equal(relative_log_mel(louder)[:, :100], relative_log_mel(mel)[:, :100])


def test_hiss_of_a_quiet_line_is_not_amplified_to_a_voice():
    mel = mel_spectrogram(torch.from_numpy(noise(1.0, amplitude=1e-5))).unsqueeze(0)
    assert (relative_log_mel(mel) < -1.5).all()
