"""The videos routes of vLLM-Omni over an engine that returns a clip: `vllm_omni_routes.py PORT CLIP FOLDER`.

A prompt with "storm" in it fails. `GET /seen` says how many jobs were started, and whether the last one had an image.
"""

import asyncio
import os
import sys
from types import SimpleNamespace

import stubs

PORT, CLIP, FOLDER = int(sys.argv[1]), sys.argv[2], sys.argv[3]
os.environ["VLLM_OMNI_SERVER_STORAGE__PATH"] = FOLDER
ENTRYPOINTS = "vllm_omni.entrypoints.openai"
REAL = ("api_server", "protocol.videos", "app_state", "errors", "storage", "stores", "image_api_utils", "video_api_utils")
stubs.stub_all_but(
    "vllm_omni",
    real=[
        *(f"{ENTRYPOINTS}.{name}" for name in REAL),
        f"{ENTRYPOINTS}.video.generation.helpers",
        "vllm_omni.errors",
        "vllm_omni.config.server_settings",
    ],
    missing=["torch", "uvloop", "vllm"],
)

import importlib  # noqa: E402

import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402

api = importlib.import_module(f"{ENTRYPOINTS}.api_server")
helpers = importlib.import_module(f"{ENTRYPOINTS}.video.generation.helpers")
MODEL = "Wan-AI/Wan2.2-T2V"
RENDER_SECONDS = 5
seen = {"creates": 0, "lastHadImage": False, "unfinished": 0}


class Engine:
    model_name = MODEL
    stage_configs = None
    supports_mixed_reference_inputs = False

    def set_stage_configs_if_missing(self, configs):
        pass

    async def abort_request(self, request_id):
        pass

    async def generate_video_bytes(self, request, request_id, reference_image=None, on_started=None, **references):
        seen["creates"] += 1
        seen["lastHadImage"] = reference_image is not None
        seen["unfinished"] += 1
        try:
            await on_started()
            await asyncio.sleep(RENDER_SECONDS)
        finally:
            seen["unfinished"] -= 1
        if "storm" in request.prompt:
            raise RuntimeError("CUDA out of memory")
        with open(CLIP, "rb") as file:
            return file.read()


class EngineError(Exception):
    pass


for module in (api, helpers):
    module.EngineGenerateError = module.EngineDeadError = EngineError

engine = Engine()
helpers.Omnivideo = lambda request: engine
helpers._unpack_video_generation_result = lambda video: (video, {}, 0.0, None, {})

app = FastAPI()
for route in api.router.routes:
    if "/videos" in getattr(route, "path", ""):
        app.router.routes.append(route)
app.state.api_server_count = 1
app.state.openai_serving_video = engine
app.state.openai_serving_models = SimpleNamespace(base_model_paths=[SimpleNamespace(name=MODEL)])
app.get("/seen")(lambda: seen)
app.get("/v1/models")(lambda: {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", loop="asyncio")
