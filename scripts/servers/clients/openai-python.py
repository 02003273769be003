"""Every videos call of the openai package against `sora serve`: `openai-python.py BASE_URL IMAGE`.

Prints one line of JSON for each call: {"call", "ok", "reason"}.
"""

import json
import sys
import time
from pathlib import Path

from openai import BadRequestError, NotFoundError, OpenAI

BASE_URL, IMAGE = sys.argv[1:]
client = OpenAI(base_url=BASE_URL, api_key="test-api-key", max_retries=0)
REQUEST = {"model": "sora-2", "prompt": "a paper boat", "seconds": "4", "size": "1280x720"}
seen = {}
calls = []


def call(name):
    def add(run):
        calls.append((name, run))
        return run

    return add


def the_clip():
    """The first video as a file: this package sends no ids of videos."""
    return ("clip.mp4", client.videos.download_content(seen["video"]).read(), "video/mp4")


def expect(is_right, problem):
    if not is_right:
        raise AssertionError(str(problem))


@call("create_and_poll")
def create_and_poll():
    seen["video"] = client.videos.create_and_poll(**REQUEST).id
    expect(client.videos.retrieve(seen["video"]).status == "completed", "not completed")


@call("create")
def create():
    video = client.videos.create(**REQUEST)
    seen["second"] = video.id
    expect(video.id.startswith("video_") and video.seconds == "4", video)


@call("create with a file")
def create_with_file():
    video = client.videos.create(**REQUEST, input_reference=Path(IMAGE))
    expect(video.id != seen["second"] and video.size == "1280x720", video)


@call("retrieve")
def retrieve():
    video = client.videos.retrieve(seen["video"])
    expect(video.id == seen["video"] and video.progress == 100, video)


@call("list with paging")
def list_all():
    ids = [video.id for video in client.videos.list(limit=2, order="asc")]
    expect(len(set(ids)) == len(ids) >= 3 and ids[0] == seen["video"], ids)


@call("download_content: video")
def download_video():
    expect(client.videos.download_content(seen["video"]).read()[4:8] == b"ftyp", "no MP4")


@call("download_content: thumbnail")
def download_thumbnail():
    expect(client.videos.download_content(seen["video"], variant="thumbnail").read()[8:12] == b"WEBP", "no WebP")


@call("download_content: spritesheet")
def download_spritesheet():
    expect(client.videos.download_content(seen["video"], variant="spritesheet").read()[:2] == b"\xff\xd8", "no JPEG")


@call("remix")
def remix():
    video = client.videos.remix(seen["video"], prompt="at night")
    expect(video.remixed_from_video_id == seen["video"], video)


@call("edit")
def edit():
    expect(client.videos.edit(prompt="in snow", video=the_clip()).id.startswith("video_"), "no video")


@call("extend")
def extend():
    video = client.videos.extend(prompt="it sails on", seconds="4", video=the_clip())
    expect(video.seconds == "8", video)


@call("create_character")
def create_character():
    character = client.videos.create_character(name="Mira", video=the_clip())
    seen["character"] = character.id
    expect(character.name == "Mira", character)


@call("get_character")
def get_character():
    expect(client.videos.get_character(seen["character"]).id == seen["character"], "another one")


def batch_of(prompt):
    """A batch of one video."""
    line = {"custom_id": "one", "method": "POST", "url": "/v1/videos", "body": {**REQUEST, "prompt": prompt}}
    file = client.files.create(file=("shots.jsonl", json.dumps(line).encode()), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint="/v1/videos", completion_window="24h")


@call("files and batches")
def run_batch():
    batch = batch_of("a paper boat in a batch")
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.25)
        batch = client.batches.retrieve(batch.id)
    result = json.loads(client.files.content(batch.output_file_id).text)
    video = result["response"]["body"]["id"]
    expect(result["custom_id"] == "one", result)
    expect(client.videos.download_content(video).read()[4:8] == b"ftyp", "no MP4")


@call("cancel a batch")
def cancel_batch():
    batch = batch_of("a paper boat to be cancelled")
    expect(client.batches.cancel(batch.id).status == "cancelling", "not cancelled")
    expect(batch.id in [listed.id for listed in client.batches.list(limit=1)], "not listed")


@call("delete")
def delete():
    expect(client.videos.delete(seen["second"]).deleted, "not deleted")
    try:
        client.videos.retrieve(seen["second"])
    except NotFoundError:
        return
    raise AssertionError("it is still there")


@call("an error")
def error():
    try:
        client.videos.create(**{**REQUEST, "seconds": "99"})
    except BadRequestError as refusal:
        expect(refusal.param == "seconds", refusal)
        return
    raise AssertionError("99 seconds were accepted")


for name, run in calls:
    try:
        run()
        print(json.dumps({"call": name, "ok": True}), flush=True)
    except Exception as problem:  # whatever it is, it is the result of this call
        print(json.dumps({"call": name, "ok": False, "reason": repr(problem)[:200]}), flush=True)
