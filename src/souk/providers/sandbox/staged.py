"""Songs take their time, so the sandbox tells of them as it goes: the words, then each track as soon as it is there."""

from souk.providers.base import Done, NewPiece, OutputFile, Running, Tell
from souk.providers.children.errand import files_of, run_errand
from souk.providers.children.pool import Pool
from souk.providers.sandbox.steps import PLAN, STEP, WORDS
from souk.words import JsonObject


def has_tracks(request: JsonObject) -> bool:
    """Whether a request is for songs with all that belongs to them."""
    return "tracks" in request["output"].get("result", {})


async def make_songs(pool: Pool, request: JsonObject, seconds: float, tell: Tell) -> Done:
    """Run one step after the other, each within ``seconds``. Raises Refused.

    A single track has no stages: by the time there is something to tell of, it is done.
    """
    planned = await run_errand(pool, {**request, STEP: WORDS}, seconds, "The sandbox")
    plan: JsonObject = planned["result"]
    count = int(request["output"].get("count") or 1)
    if count > 1:
        words = {name: plan[name] for name in ("lyrics", "title", "tags")}
        await tell(Running(stage="text", data=words))
    files: list[OutputFile] = []
    tracks: list[JsonObject] = []
    pieces: list[NewPiece] = []
    for number in range(count):
        made = await run_errand(pool, {**request, PLAN: plan, STEP: number}, seconds, "The sandbox")
        files += files_of(made)
        tracks.append(made["result"])
        pieces += [NewPiece(**piece) for piece in made["pieces"]]
        if number == 0 and count > 1:
            await tell(Running(stage="first", data={"tracks": tracks[:1]}, files=tuple(files)))
    result: JsonObject = {"resultUrls": [track["audio"] for track in tracks], "tracks": tracks}
    return Done(files, result, pieces=pieces)
