"""The setting `smooth_motion` from the settings to the file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.post.smooth.moving import moving_video
from typer.testing import CliRunner

import opensonic
from opensonic.cli import app
from opensonic.engines.still import StillEngine
from opensonic.settings import Settings, choose
from opensonic.values import Chunk

PLACE = 22


class _Jumpy(StillEngine):
    """An engine whose frames move, and jump once."""

    may_jump = True
    asked = 0

    def animate(self, portrait, source, settings, run=None):
        n_frames = self.count_frames(source, settings)
        frames = moving_video(n_frames)
        frames[PLACE] = np.roll(frames[PLACE], (3, 4), (0, 1))
        yield Chunk(frames)

    def between(self):
        self.asked += 1
        return None


@pytest.fixture
def video(example_image):
    tone = np.sin(np.arange(32_000) / 9).astype(np.float32) / 4
    video = opensonic.animate(example_image, (tone, 16_000), engine="still", align_lips=False)
    portrait = replace(video.portrait, image=moving_video(1)[0])
    return replace(video, engine=_Jumpy(), portrait=portrait)


def _frames(video, **chosen):
    changed = replace(video, settings=replace(video.settings, **chosen))
    return np.concatenate([chunk.frames for chunk in changed])


def _changed(video, **chosen):
    raw = np.concatenate(
        [
            chunk.frames
            for chunk in video.engine.animate(video.portrait, video.speech, video.settings)
        ]
    )
    frames = _frames(video, **chosen)
    assert len(frames) == video.n_frames == len(raw)
    return [k for k in range(len(raw)) if not np.array_equal(frames[k], raw[k])]


def test_jumps_are_mended_where_an_engine_may_jump(video):
    assert _changed(video) == [PLACE]
    assert video.engine.asked == 1


def test_the_user_wins(video):
    assert _changed(video, smooth_motion=False) == []
    calm = replace(video, engine=type("Calm", (_Jumpy,), {"may_jump": False})())
    assert _changed(calm) == []
    assert _changed(calm, smooth_motion=True) == [PLACE]


def test_the_published_program_mends_nothing(video):
    assert _changed(video, compat=True) == []
    assert _changed(video, compat=True, smooth_motion=True) == [PLACE]


def test_mended_jumps_are_told(video, tmp_path):
    saved = video.save(tmp_path / "talk.mp4")
    assert any("1 frame jumped" in note for note in saved.notes)


def test_unset_by_default():
    assert Settings().smooth_motion is None
    assert choose(smooth_motion=False)[0].smooth_motion is False


def test_the_command_refuses_what_is_no_video(tmp_path):
    (tmp_path / "talk.mp4").write_text("no video")
    result = CliRunner().invoke(
        app, ["smooth", str(tmp_path / "talk.mp4"), "-o", str(tmp_path / "out.mp4"), "--json"]
    )
    assert result.exit_code == 2
    assert json.loads(result.stdout)["kind"] == "InputError"
    assert not (tmp_path / "out.mp4").exists()
