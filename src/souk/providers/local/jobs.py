"""The local engine's jobs as a child process does them, by the kind of work that is asked.

Imports are late on purpose: a picture job must not pay for the video libraries.
"""

from souk.providers.children.results import Made
from souk.providers.local.work import Work
from souk.words import JsonObject


def make(request: JsonObject) -> Made:
    """Do one job. Raises CannotUse."""
    work = Work.read(request)
    if work.kind == "resize-image":
        from souk.providers.local import resize

        return resize.resize_image(work)
    if work.kind == "fit-picture":
        from souk.providers.local import fit

        return fit.fit_picture(work)
    if work.kind == "fit-sound":
        from souk.providers.local import fit

        return fit.fit_sound(work)
    if work.kind == "alpha-mask":
        from souk.providers.local import mask

        return mask.make_alpha_mask(work)
    if work.kind == "wav":
        from souk.providers.local import conversion

        return conversion.make_wav(work)
    if work.kind == "convert-audio":
        from souk.providers.local import conversion

        return conversion.convert_audio(work)
    if work.kind == "music-video":
        from souk.providers.local import music_video

        return music_video.make_music_video(work)
    from souk.providers.local import upscale

    return upscale.upscale_clip(work)
