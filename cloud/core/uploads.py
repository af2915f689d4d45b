"""Files people hand in, checked by what is in them and never by their names. Pictures are written anew: what they
carried beside the picture (place, camera, a program at the end) is gone."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from cloud.core.errors import DomainError

MIB = 1024 * 1024
IMAGE_BYTES = 3 * MIB
VIDEO_BYTES = 15 * MIB
MAX_SIDE = 12_000  # pixels; a small file may say that it is the size of a house
MAX_PIXELS = 40_000_000  # of a picture, all frames of a GIF together
_FORMATS = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "GIF": ("image/gif", "gif")}
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it is kept. `width`, `height` in pixels, 0 of a video."""

    content: bytes
    content_type: str
    suffix: str
    name: str
    width: int = 0
    height: int = 0

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def image(file: UploadedFile, size: tuple[int, int], field: str) -> Upload:
    """A JPG, PNG or GIF of at most 3 MiB, cut from its middle to the shape of `size` and brought to it.

    Raises:
        DomainError: "upload.empty", "upload.image_size", "upload.image_kind", "upload.image_small",
            "upload.image_large".
    """
    content = _read(file, IMAGE_BYTES, "upload.image_size", field)
    try:
        with Image.open(io.BytesIO(content), formats=tuple(_FORMATS)) as picture:
            kind = str(picture.format)
            _measured(picture, size, field)
            written = _animated(picture, size) if kind == "GIF" else _still(picture, kind, size)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        raise DomainError(
            "upload.image_kind",
            f"“{_short(file)}”不是可用的 JPG、PNG 或 GIF 图片（看内容，不看文件名）。请换一张。",
            f"“{_short(file)}” is no JPG, PNG or GIF that can be read, whatever it is called. Choose another picture.",
            field,
        ) from None
    return Upload(written, *_FORMATS[kind], _short(file), *size)


def video(file: UploadedFile, field: str) -> Upload:
    """A film or sound of at most 15 MiB: mp4, mov, avi, rm, rmvb, ogv, ogg, webm, wav.

    Raises:
        DomainError: "upload.empty", "upload.video_size", "upload.video_kind".
    """
    content = _read(file, VIDEO_BYTES, "upload.video_size", field)
    found = _video_kind(content)
    if found is None:
        raise DomainError(
            "upload.video_kind",
            f"“{_short(file)}”不是可用的视频（看内容，不看文件名）。可用：mp4、mov、avi、rm、rmvb、ogv、ogg、webm、wav。",
            f"“{_short(file)}” is no film that can be used, whatever it is called. "
            "Possible: mp4, mov, avi, rm, rmvb, ogv, ogg, webm, wav.",
            field,
        )
    return Upload(content, *found, _short(file))


def keep(upload: Upload, folder: str) -> str:
    """Writes the file under its hash in the default storage, once for the same content. Returns its path there.

    Files are not deleted with the rows that name them: a copy of the product, or what was sold, may name them too.
    """
    digest = upload.content_hash
    path = f"{folder}/{digest[:2]}/{digest}.{upload.suffix}"
    if not default_storage.exists(path):
        return default_storage.save(path, ContentFile(upload.content))
    return path


def _read(file: UploadedFile, most: int, code: str, field: str) -> bytes:
    content = file.read(most + 1)
    if not content:
        raise DomainError("upload.empty", f"“{_short(file)}”是空文件。", f"“{_short(file)}” is empty.", field)
    if len(content) > most:
        raise DomainError(
            code,
            f"“{_short(file)}”超过 {most // MIB} MB（{file.size or len(content):,} 字节）。请压缩后再上传。",
            f"“{_short(file)}” is larger than {most // MIB} MB ({file.size or len(content):,} bytes). Make it smaller.",
            field,
        )
    return content


def _measured(picture: Image.Image, size: tuple[int, int], field: str) -> None:
    """By what the header says, before anything is unpacked."""
    width, height = picture.size
    if width > MAX_SIDE or height > MAX_SIDE or width * height * getattr(picture, "n_frames", 1) > MAX_PIXELS:
        raise DomainError(
            "upload.image_large",
            f"图片为 {width} × {height} 像素，过大。请缩小后再上传。",
            f"The picture has {width} × {height} pixels: too many. Make it smaller.",
            field,
        )
    if width < size[0] or height < size[1]:
        raise DomainError(
            "upload.image_small",
            f"图片为 {width} × {height} 像素，至少须 {size[0]} × {size[1]}。",
            f"The picture has {width} × {height} pixels; at least {size[0]} × {size[1]} are needed.",
            field,
        )


def _still(picture: Image.Image, kind: str, size: tuple[int, int]) -> bytes:
    upright = ImageOps.exif_transpose(picture)
    plain = upright.convert("RGB" if kind == "JPEG" else "RGBA")
    fitted = ImageOps.fit(plain, size, Image.Resampling.LANCZOS)
    fitted.info.clear()  # else a PNG's texts are written again
    out = io.BytesIO()
    if kind == "JPEG":
        fitted.save(out, kind, quality=_QUALITY, optimize=True)
    else:
        fitted.save(out, kind, optimize=True)
    return out.getvalue()


def _animated(picture: Image.Image, size: tuple[int, int]) -> bytes:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(picture):
        durations.append(int(frame.info.get("duration", 100)))
        fitted = ImageOps.fit(frame.convert("RGBA"), size, Image.Resampling.LANCZOS)
        fitted.info.clear()
        frames.append(fitted)
    out = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:], "duration": durations, "loop": 0} if frames[1:] else {}
    frames[0].save(out, "GIF", **more)
    return out.getvalue()


def _video_kind(content: bytes) -> tuple[str, str] | None:
    """Content type and suffix by the first bytes."""
    head = content[:64]
    if head[4:8] == b"ftyp":
        return ("video/quicktime", "mov") if head[8:12] == b"qt  " else ("video/mp4", "mp4")
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free"):
        return "video/quicktime", "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return "video/x-msvideo", "avi"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav", "wav"
    if head[:4] == b"OggS":
        return ("video/ogg", "ogv") if b"\x80theora" in content[:4096] else ("audio/ogg", "ogg")
    if head[:4] == b"\x1aE\xdf\xa3" and b"webm" in content[:256]:
        return "video/webm", "webm"
    if head[:4] == b".RMF":
        return "application/vnd.rn-realmedia", "rm"
    return None


def _short(file: UploadedFile) -> str:
    return str(file.name or "")[-60:]
