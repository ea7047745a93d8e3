"""Which service is asked, and with which credentials: config.toml and environment, nothing else."""

from __future__ import annotations

import pytest

from codex_lsp.agent.events import Misconfigured
from codex_lsp.auth.tokens import AuthError, Bearer
from codex_lsp.config.codex_toml import CodexToml
from codex_lsp.config.layers import parse
from codex_lsp.responses.client import ResponsesModel
from codex_lsp.responses.providers import DEFAULT_MODEL, Provider, resolve
from tests.doubles.model_script import says
from tests.doubles.model_service import ModelService
from tests.responses.asking import IDENTITY, Tokens, api_key, ask, chatgpt

CUSTOM = """
model = "m"
model_provider = "ours"
[model_providers.ours]
base_url = "http://127.0.0.1:1/v1/"
"""


def custom(more: str, environ: dict[str, str] | None = None) -> Provider:
    return resolve(parse(CUSTOM + more), environ or {})


def test_by_default_it_is_openai_at_two_addresses() -> None:
    provider = resolve(CodexToml(), {})
    assert provider.signs_in
    assert provider.model == DEFAULT_MODEL
    assert provider.address(api_key()) == "https://api.openai.com/v1/responses"
    assert provider.address(chatgpt()) == "https://chatgpt.com/backend-api/codex/responses"
    assert provider.dialect.freeform_tools
    assert provider.headers == {}


def test_organisation_and_project_go_to_openai_only() -> None:
    environ = {"OPENAI_ORGANIZATION": "o", "OPENAI_PROJECT": "p"}
    named = {"OpenAI-Organization": "o", "OpenAI-Project": "p"}
    assert resolve(CodexToml(), environ).headers == named
    assert custom("", environ).headers == {}


@pytest.mark.parametrize(
    ("provider_id", "base"),
    [("ollama", "http://localhost:11434/v1"), ("lmstudio", "http://localhost:1234/v1")],
)
def test_built_in_local_servers_need_no_settings(provider_id: str, base: str) -> None:
    provider = resolve(CodexToml(model="gpt-5.5"), {}, provider_id=provider_id)
    assert provider.base == base
    assert "gpt-oss" in provider.model  # the configured model is another provider's
    assert not provider.signs_in
    assert not provider.dialect.freeform_tools


def test_local_servers_can_be_elsewhere() -> None:
    by_port = resolve(CodexToml(model_provider="ollama"), {"CODEX_OSS_PORT": "5"})
    by_base = resolve(CodexToml(model_provider="ollama"), {"CODEX_OSS_BASE_URL": "http://h/v1/"})
    assert (by_port.base, by_base.base) == ("http://localhost:5/v1", "http://h/v1")


def test_a_model_that_is_asked_for_goes_before_the_configured_one() -> None:
    assert resolve(CodexToml(model="a"), {}).model == "a"
    assert resolve(CodexToml(model="a"), {}, model="b").model == "b"
    assert resolve(parse(CUSTOM), {}, provider_id="openai").model == DEFAULT_MODEL


def test_a_custom_provider_is_plain_and_without_credentials() -> None:
    provider = custom("")
    assert provider.address() == "http://127.0.0.1:1/v1/responses"
    assert (provider.key, provider.signs_in, provider.model) == (None, False, "m")
    assert provider.idle == 300


def test_query_and_headers_of_a_custom_provider() -> None:
    provider = custom(
        'query_params = { api-version = "1 2" }\nhttp_headers = { A = "a" }\n'
        'env_http_headers = { B = "HAVE", C = "EMPTY", D = "UNSET" }\n'
        "stream_idle_timeout_ms = 1500",
        {"HAVE": "b", "EMPTY": ""},
    )
    assert provider.address() == "http://127.0.0.1:1/v1/responses?api-version=1+2"
    assert provider.headers == {"A": "a", "B": "b"}
    assert provider.idle == 1.5


async def test_keys_of_a_custom_provider() -> None:
    by_env = custom('env_key = "OUR_KEY"', {"OUR_KEY": " k "})
    in_file = custom('experimental_bearer_token = "t"')
    assert by_env.key is not None
    assert in_file.key is not None
    assert (await by_env.key.current()).token.reveal() == "k"
    assert (await in_file.key.current()).token.reveal() == "t"
    with pytest.raises(AuthError, match="OUR_KEY is not accepted"):
        await by_env.key.replace(await by_env.key.current())


def test_a_proxy_of_openai_takes_the_sign_in_at_its_own_address() -> None:
    provider = custom("requires_openai_auth = true")
    assert provider.signs_in
    assert provider.dialect.openai
    assert provider.address(chatgpt()) == "http://127.0.0.1:1/v1/responses"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CUSTOM + 'wire_api = "chat"', r"wire_api = “chat”.*Responses API"),
        (CUSTOM + 'env_key = "OUR_KEY"', "OUR_KEY, which is unset"),
        (CUSTOM + 'env_key = "K"\nenv_key_instructions = "Get one there."', "Get one there"),
        ('model = "m"\nmodel_provider = "ours"\n[model_providers.ours]', "no base_url"),
        ('model_provider = "ours"\n[model_providers.ours]\nbase_url = "http://h"', "No model"),
        ('model_provider = "nowhere"', "openai, ollama, lmstudio"),
    ],
)
def test_what_cannot_work_is_told_before_anything_is_sent(text: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        resolve(parse(text), {"OUR_KEY": ""})


async def test_a_providers_key_is_used_and_the_sign_in_stays_at_home() -> None:
    async with ModelService([says("x")]) as service:
        text = CUSTOM.replace("http://127.0.0.1:1/v1/", service.base_url) + 'env_key = "K"'
        provider = resolve(parse(text), {"K": "ours"})
        model = ResponsesModel(provider, Tokens([chatgpt()]), IDENTITY)
        assert (await ask(model)).error is None
        await model.aclose()
    head = service.requests[0].headers
    assert head["authorization"] == "Bearer ours"
    assert "chatgpt-account-id" not in head


async def test_a_provider_without_a_key_gets_no_credentials_at_all() -> None:
    async with ModelService([says("x")]) as service:
        provider = resolve(parse(CUSTOM.replace("http://127.0.0.1:1/v1/", service.base_url)), {})
        model = ResponsesModel(provider, Tokens([chatgpt()]), IDENTITY)
        assert (await ask(model)).error is None
        await model.aclose()
    assert "authorization" not in service.requests[0].headers


def test_keys_are_not_shown_by_repr() -> None:
    provider = custom(
        'experimental_bearer_token = "do-not-show"\nhttp_headers = { X = "do-not-show" }\n'
        'query_params = { key = "do-not-show" }'
    )
    assert "do-not-show" not in repr(provider)
    assert isinstance(provider.address(Bearer("api_key", api_key().token)), str)
