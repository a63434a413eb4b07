"""All words of a report that do not come with the figures, in one place per language.

Another language is another `Texts`; names in braces are filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from opensonic.metrics.evaluation import Verdict

Names = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The words of a report. The defaults are English."""

    language: str = "en"
    title_one: str = "Report on {name}"
    title_many: str = "Report on {n} talking videos"
    brand: str = "OpenSonic · quality of a talking video"
    size: str = "{width} × {height} px"
    rate: str = "{fps} pictures a second"
    with_sound: str = "with sound"
    without_sound: str = "without sound"
    compared: str = "compared with {name}"
    made: str = "Measured on {date} with OpenSonic {version}."
    picture_alt: str = "The face in {name} at {time}"

    grades: Names = field(
        default_factory=lambda: {
            "good": "Good",
            "fair": "Look again",
            "poor": "Not good",
            "": "Not judged",
        }
    )
    headlines: Names = field(
        default_factory=lambda: {
            "good": "What was measured is as it should be.",
            "fair": "Usable, but look at what is listed here.",
            "poor": "Something is clearly wrong.",
            "": "Too little could be measured to judge it.",
        }
    )
    lag_fits: str = "Lips and sound fit: they are {ms} ms apart, which nobody notices."
    lag_late: str = "The sound comes {ms} ms after the lips; up to {limit} ms is good."
    lag_early: str = "The sound comes {ms} ms before the lips; up to {limit} ms is good."
    lag_unclear: str = (
        "Lips and sound could not be matched with certainty (confidence {confidence} %): the lips "
        "may belong to another sound, hardly move, or the stretch is too short."
    )
    lag_unknown: str = "How lips and sound lie in time could not be measured."
    finding: str = "{title}: {value}"
    finding_good: str = "{title}: {value}; good: {good}"
    moments_none: str = "No single moment stands out."
    moments_one: str = "One moment is worth a look; it is shown below."
    moments_some: str = "{n} moments are worth a look; the worst are shown below."

    overview: str = "At a glance"
    figures: str = "Figures"
    groups: Names = field(
        default_factory=lambda: {
            "lips": "Lips and sound",
            "face": "Face and head",
            "picture": "Picture",
            "reference": "Against the reference",
        }
    )
    column_measure: str = "What is measured"
    column_value: str = "Value"
    column_verdict: str = "Verdict"
    column_good: str = "What is good"
    not_measured: str = "not measured"
    unmeasured_one: str = "One measure could not be taken"
    unmeasured_some: str = "{n} measures could not be taken"

    worst: str = "The moments that stand out"
    worst_reading: str = (
        "Pictures that follow each other, with their times. Framed is the one where it begins; in "
        "a long stretch, where seen and heard lips differ most. Below, the lips around it."
    )
    moment_from_to: str = "{start} to {end}"
    frame_alt: str = "Picture at {time}, {view}: {what}"
    views: Names = field(
        default_factory=lambda: {
            "mouth": "mouth",
            "eyes": "eyes",
            "face": "face",
            "picture": "whole picture",
        }
    )
    no_frames: str = "The pictures could not be read again from {name}."
    more_moments: str = "Not shown here: {n} more."
    other_moments: str = "Others"

    timeline: str = "Over time"
    timeline_reading: str = (
        "All curves share one axis of time. Grey: the face is not seen. Dashed uprights: the "
        "moments above."
    )
    long_reading: str = (
        "The video is long: each column shows the range from the least to the largest value, the "
        "line their mean."
    )
    zoom: str = "Zoom"
    plots: dict[str, tuple[str, str, str]] = field(
        default_factory=lambda: {
            "lips": (
                "Lips seen and heard",
                "How far the lips are open in the picture, and how far they should be after the "
                "sound. In a good video both rise and fall together; how high may differ from "
                "person to person. e is the distance of the outer corners of the eyes.",
                "e",
            ),
            "loudness_db": ("Loudness", "Level of the sound; 0 is the loudest there is.", "dB"),
            "lag": (
                "Lag over time",
                "By how much the sound comes later than the lips, stretch by stretch; below 0 it "
                "comes earlier. Dots on a slope mean that picture and sound run apart. Wild "
                "guesses are left out.",
                "ms",
            ),
            "blink": ("Eyelids", "How far the eyes are shut: peaks are blinks.", "0 to 1"),
            "head": (
                "Head",
                "Where the head is turned: sideways (yaw), up and down (pitch), tilted (roll). A "
                "flat line looks lifeless; a leap is a defect or a cut.",
                "degrees",
            ),
            "flicker": (
                "Flicker",
                "How much the picture changes from one frame to the next where the face is not: "
                "peaks are flashes, jumps or cuts.",
                "grey levels of 255",
            ),
            "drift": (
                "Does the person stay the same?",
                "How far the proportions of the face are from those at the beginning. A steady "
                "rise means that the face slowly turns into another.",
                "% of e",
            ),
            "sharpness": (
                "Sharpness of the face",
                "Fine detail in the face: where it falls, the face gets blurred.",
                "",
            ),
        }
    )
    """Title, how to read it, and unit of each plot."""
    lips_seen: str = "seen in the picture"
    lips_heard: str = "heard in the sound"
    lag_sure: str = "sure"
    lag_likely: str = "likely"
    lag_guess: str = "a guess"
    lag_good: str = "good"
    yaw: str = "yaw"
    pitch: str = "pitch"
    roll: str = "roll"

    summary_reading: str = (
        "A click on a heading sorts the table, a click on a name leads to the details."
    )
    summary_counts: tuple[tuple[Verdict, str], ...] = (
        ("good", "{n} good"),
        ("fair", "{n} to look at again"),
        ("poor", "{n} not good"),
        ("", "{n} not judged"),
    )
    column_video: str = "Video"
    column_length: str = "Length"
    column_moments: str = "Moments"
    failed_one: str = "1 could not be measured"
    failed_some: str = "{n} could not be measured"
    left_out: str = (
        "To keep this file small it has the details of the worst {shown} videos alone. A report "
        "on fewer videos has them all."
    )
    back: str = "Back to all videos"
    notes: str = "Notes"
    reading_title: str = "How this was measured"
    reading: tuple[str, ...] = (
        "A face detector and a face mesh look at every picture of the finished file, and a speech "
        "network hears how far the lips should be open. How the video was made counts for nothing.",
        "Lag is found where seen and heard movements fit best. The sound is late where the number "
        "is above 0. Confidence is the share of right answers at that height on known videos.",
        "The weakest figure with a verdict decides the verdict of the video; those that our own "
        "network only guesses weigh one grade less. Figures without a verdict have no limit that "
        "would be honest for every person and picture.",
        "It does not judge whether the words are true, whether the person agreed, or taste.",
    )


ENGLISH = Texts()
"""What a report says unless told otherwise."""
