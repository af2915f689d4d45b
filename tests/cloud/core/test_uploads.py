"""Files people hand in: judged by what is in them, brought to size, without what they carried beside the picture."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cloud.core import richtext, uploads
from cloud.core.errors import DomainError
from cloud.core.uploads import IMAGE_BYTES, VIDEO_BYTES

COVER = (750, 750)
MP4 = b"\0\0\0\x18ftypmp42" + bytes(64)


def picture(kind: str = "JPEG", size: tuple[int, int] = (900, 800), **options) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 40, 40)).save(out, kind, **options)
    return out.getvalue()


def file(content: bytes, name: str = "x.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


@pytest.mark.spec("T-08")
@pytest.mark.parametrize(("kind", "content_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("GIF", "image/gif")])
def test_pictures_are_brought_to_their_size_whatever_they_are_called(kind, content_type):
    kept = uploads.image(file(picture(kind), "report.exe"), COVER, "file")
    assert (kept.content_type, kept.width, kept.height) == (content_type, 750, 750)
    assert Image.open(io.BytesIO(kept.content)).size == COVER


@pytest.mark.spec("T-08")
def test_what_a_picture_carries_beside_itself_is_gone():
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "SecretCamera", 6  # turned by a quarter
    content = picture(size=(800, 900), exif=exif.tobytes()) + b"PK\x03\x04 a program at its end"
    kept = uploads.image(file(content), COVER, "file").content
    assert not Image.open(io.BytesIO(kept)).getexif()
    assert b"SecretCamera" not in kept
    assert b"a program" not in kept
    text = PngInfo()
    text.add_text("Author", "somebody")
    kept = uploads.image(file(picture("PNG", pnginfo=text)), COVER, "file").content
    assert b"somebody" not in kept


def test_a_moving_picture_still_moves():
    frames = [Image.new("RGB", COVER, (n * 60, 0, 0)) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=70)
    kept = Image.open(io.BytesIO(uploads.image(file(out.getvalue()), COVER, "file").content))
    assert (kept.n_frames, kept.info["duration"]) == (3, 70)


@pytest.mark.spec("T-08")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "upload.empty"),
        (b"MZ\x90\0 a program" * 50, "upload.image_kind"),
        (picture()[:400], "upload.image_kind"),
        (picture(size=(749, 900)), "upload.image_small"),
        (picture("PNG", size=(12_001, 760)), "upload.image_large"),
        (picture("BMP"), "upload.image_kind"),
        (picture() + bytes(IMAGE_BYTES), "upload.image_size"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused_with_the_reason(content, code):
    with pytest.raises(DomainError) as refused:
        uploads.image(file(content, "photo.jpg"), COVER, "cover")
    assert (refused.value.code, refused.value.field) == (code, "cover")
    assert refused.value.zh != refused.value.en


@pytest.mark.spec("T-08")
def test_three_mebibytes_fit_and_one_byte_more_does_not():
    exact = picture().ljust(IMAGE_BYTES, b"\0")
    assert uploads.image(file(exact), COVER, "cover").width == 750
    with pytest.raises(DomainError, match=r"larger than 3 MB \(3,145,729 bytes\)"):
        uploads.image(file(exact + b"\0"), COVER, "cover")


@pytest.mark.spec("T-09")
@pytest.mark.parametrize(
    ("content", "suffix"),
    [
        (MP4, "mp4"),
        (b"\0\0\0\x14ftypqt  " + bytes(20), "mov"),
        (b"\0\0\0\x14moov" + bytes(20), "mov"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"OggS" + bytes(24) + b"\x80theora", "ogv"),
        (b"OggS" + bytes(24) + b"\x01vorbis", "ogg"),
        (b"\x1aE\xdf\xa3" + bytes(20) + b"\x42\x82\x84webm", "webm"),
        (b".RMF\0\0\0\x12", "rm"),
    ],
)
def test_films_are_known_by_their_first_bytes(content, suffix):
    assert uploads.video(file(content, "holiday.txt"), "video").suffix == suffix


@pytest.mark.spec("T-09")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"MZ\x90\0" + bytes(64), "upload.video_kind"),
        (picture(), "upload.video_kind"),
        (b"\x1aE\xdf\xa3" + bytes(20) + b"matroska", "upload.video_kind"),
        (MP4.ljust(VIDEO_BYTES + 1, b"\0"), "upload.video_size"),
    ],
)
def test_what_is_no_film_is_refused(content, code):
    with pytest.raises(DomainError) as refused:
        uploads.video(file(content, "film.mp4"), "video")
    assert refused.value.code == code
    assert uploads.video(file(MP4.ljust(VIDEO_BYTES, b"\0")), "video").suffix == "mp4"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("<p>Open <b>daily</b></p>", "<p>Open <b>daily</b></p>"),
        ("<script>alert(1)</script><p onclick='x()'>Hi</p>", "<p>Hi</p>"),
        ('<a href="javascript:x()">a</a>', '<a rel="noopener noreferrer nofollow">a</a>'),
        ('<img src=x onerror="x()"><p style="x">y</p>', "<p>y</p>"),
        ("first\nsecond", "<p>first</p><p>second</p>"),
        ("<div>one</div><div>two</div>", "<p>one</p><p>two</p>"),
        ("<p><br></p>", ""),
        ("  ", ""),
    ],
)
def test_rich_text_keeps_only_what_is_harmless(typed, kept):
    assert richtext.clean(typed) == kept
    assert richtext.clean(richtext.clean(typed)) == kept
