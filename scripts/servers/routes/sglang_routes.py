"""The videos routes of SGLang Diffusion over an engine that returns a clip: `sglang_routes.py PORT CLIP FOLDER`.

A prompt with "storm" in it fails. `GET /seen` says how many jobs were started, and whether the last one had an image.
"""

import asyncio
import os
import shutil
import sys
import uuid
from types import SimpleNamespace

import stubs

ENTRYPOINTS = "sglang.multimodal_gen.runtime.entrypoints.openai"
stubs.stub_all_but(
    "sglang",
    real=[
        *(f"{ENTRYPOINTS}.{name}" for name in ("video_api", "protocol", "stores", "utils", "storage", "video_progress")),
        *(f"sglang.multimodal_gen.runtime.utils.{name}" for name in ("common", "image_io")),
    ],
    missing=["torch", "imageio", "psutil", "zmq"],
)

import importlib  # noqa: E402

import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402

api = importlib.import_module(f"{ENTRYPOINTS}.video_api")
PORT, CLIP, FOLDER = int(sys.argv[1]), sys.argv[2], sys.argv[3]
RENDER_SECONDS = 5
seen = {"creates": 0, "lastHadImage": False, "unfinished": 0}


class Sampling(SimpleNamespace):
    """What the engine makes of a request."""

    def output_file_path(self):
        return os.path.join(self.output_path, f"{self.output_file_name}.mp4")

    def validate_video_final_outputs(self, paths, batch):
        return {}

    def prepare_video_request_for_queue(self, batch):
        pass

    def expand_video_request_outputs_for_queue(self, batch):
        return None

    def project_video_queued_job_fields(self, batch):
        return {}

    def cleanup_video_request(self, batch):
        pass


class SamplingClass:
    prompt_optional = False

    @staticmethod
    def lower_video_request_kwargs(request, kwargs):
        return kwargs


def build(request_id, **kwargs):
    width, height = (int(side) for side in (kwargs["size"] or "832x480").split("x"))
    return Sampling(**{**kwargs, "width": width, "height": height})


def prepare(server_args, sampling_params, external_trace_header):
    seen["creates"] += 1
    seen["lastHadImage"] = sampling_params.image_path is not None
    count = sampling_params.num_outputs_per_prompt
    return SimpleNamespace(sampling_params=sampling_params, num_outputs_per_prompt=count, extra={})


async def render(client, batch, scheduler_batches=None):
    seen["unfinished"] += 1
    try:
        await asyncio.sleep(RENDER_SECONDS)
    finally:
        seen["unfinished"] -= 1
    if "storm" in batch.sampling_params.prompt:
        raise RuntimeError("CUDA out of memory")
    path = batch.sampling_params.output_file_path()
    shutil.copyfile(CLIP, path)
    return [path], SimpleNamespace()


async def same_prompt(request, prompt, **options):
    return prompt


arguments = SimpleNamespace(input_save_path=FOLDER, output_path=FOLDER, served_model_name="Wan-AI/Wan2.1-T2V")
api.generate_request_id = lambda: str(uuid.uuid4())
api.get_global_server_args = lambda: arguments
api.resolve_sampling_params_cls = lambda server_args: SamplingClass
api.get_declared_request_extra_fields = lambda sampling_class, kind: set()
api.request_model_kwargs = lambda request, sampling_class, kind: {}
api.build_sampling_params = build
api.prepare_request = prepare
api.process_generation_batch = render
api.maybe_enhance_prompt = same_prompt
api.add_common_data_to_response = lambda fields, request_id, result: fields

app = FastAPI()
app.include_router(api.router)
app.get("/seen")(lambda: seen)
app.get("/v1/models")(lambda: {"object": "list", "data": [{"id": arguments.served_model_name, "object": "model", "owned_by": "sglang"}]})
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", loop="asyncio")
