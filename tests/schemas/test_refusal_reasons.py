"""The registry of reasons: one bit each, one meaning each, and a name for every bit that may be seen."""

from __future__ import annotations

from schemas.refusal_reasons import MEANINGS, Reason, names_of, published_bits


def test_every_reason_is_one_bit_of_its_own_with_a_meaning_of_its_own() -> None:
    assert all(reason.value.bit_count() == 1 for reason in Reason)
    assert sum(reason.value for reason in Reason).bit_count() == len(Reason) == len(set(MEANINGS.values()))
    assert set(MEANINGS) == set(Reason)
    assert max(Reason) < 1 << 62  # the column is a signed 64 bit integer


def test_the_bits_that_files_have_published_keep_their_meaning() -> None:
    assert {reason.name: reason.value.bit_length() - 1 for reason in Reason} == {
        **{
            name: bit
            for bit, name in enumerate(("NEAR_KNOWN_LENS", "DUPLICATE_HOST", "CATALOGUE_MASKED", "CATALOGUE_UNCOVERED"))
        },
        **{"NEAR_CELL_BORDER": 4, "BAD_PHOTOMETRY": 5, "BRICK_MISSING": 8, "BRICK_UNREADABLE": 9, "BAND_MISSING": 10},
        **{"OVER_BRICK_EDGE": 11, "MASKED_PIXELS": 12, "UNCOVERED_PIXELS": 13, "NONFINITE_PIXELS": 14, "PSF_UNKNOWN": 15},
        **{"WCS_UNEXPECTED": 16, "CUTOUT_MISSING": 17, "NO_ACCEPTED_DRAW": 20, "BAD_PARAMETERS": 21, "SOURCE_OFF_STAMP": 22},
        **{"TEMPLATE_UNUSABLE": 23, "ARC_TOO_FAINT": 24, "PARTNER_REFUSED": 25, "STILL_AN_ARC": 26, "WEIGHTED_OUT": 27},
        **{"POSITION_UNREADABLE": 32, "NAMED_TWICE": 33, "TWICE_ON_SKY": 34, "AWAY_FROM_ITS_NAME": 35},
        **{"PIXELS_UNREADABLE": 48, "SAID_UNUSABLE": 49, "IDENTITY_UNKNOWN": 50, "OTHER_SIZE": 51, "OFF_ITS_IMAGE": 52},
        **{"UNIT_UNEXPECTED": 53},
    }


def test_set_bits_are_named_lowest_first_and_an_unknown_one_by_its_number() -> None:
    assert names_of(0) == []
    assert names_of(Reason.PARTNER_REFUSED | Reason.MASKED_PIXELS) == ["MASKED_PIXELS", "PARTNER_REFUSED"]
    assert names_of(Reason.DUPLICATE_HOST | 1 << 6 | 1 << 40) == ["DUPLICATE_HOST", "UNKNOWN_BIT_6", "UNKNOWN_BIT_40"]


def test_what_a_file_carries_explains_every_bit() -> None:
    published = published_bits()
    assert published["4096"] == f"MASKED_PIXELS: {MEANINGS[Reason.MASKED_PIXELS]}"
    assert [int(bit) for bit in published] == [reason.value for reason in Reason]
