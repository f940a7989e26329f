"""The narrative: the figures' own numbers, by template and by a stubbed model."""

import json
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber

from margin_assets.avalanche.narrative.bedrock import Bedrock
from margin_assets.avalanche.narrative.templated import Templates
from margin_assets.avalanche.narrative.writing import NumberInvented, checked
from margin_assets.avalanche.report.scales import money

Stubbed = tuple[Any, Stubber]

FACTS = {
    "rho": "0.84",
    "spiral": "stable",
    "sales_on_default": "-3.2%",
    "impact_on_default": "1.1%",
    "warning": "0.72",
    "level": "high",
    "nearest": "gilts_2022",
}


def test_the_same_figures_give_the_same_words():
    text = Templates().write("stress", FACTS)

    assert "The spiral condition is 0.84: stable." in text
    assert checked(text, FACTS) == text
    assert Templates().write("stress", dict(FACTS)) == text


@pytest.mark.parametrize(("shortfall", "is_told"), [(0.0, False), (3e6, True)])
def test_funding_that_does_not_fall_short_is_not_said_to(shortfall: float, is_told: bool):
    amounts = dict.fromkeys(("liquid", "cash", "bonds", "lines"), money(5e6))
    shares = dict.fromkeys(("exhaustion", "default"), "0.0%")
    facts = amounts | shares | {"shortfall": money(shortfall), "shortfall_day": "1"}

    assert ("falls short" in Templates().write("liquidity", facts)) == is_told


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("It stands at 0.85.", "0.85"),
        ("It rose by 12%.", "12"),
        ("About three times as much.", "three"),
        ("It doubled to 0.84, twice what it was.", "twice"),
        ("A need of 1,000.", "1,000"),
    ],
)
def test_a_number_that_was_not_given_is_refused(text: str, invented: str):
    with pytest.raises(NumberInvented, match=invented):
        checked(text, FACTS)


def test_given_numbers_may_be_stated():
    assert checked("Rho is 0.84, and in gilts_2022 it was high: 1.1%.", FACTS)


def _client() -> Any:
    return boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(retries={"max_attempts": 1}),
    )


def _answer(text: str, reason: str = "end_turn") -> dict[str, object]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": text}]}},
        "stopReason": reason,
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    }


@pytest.fixture
def stubbed():
    client = _client()
    with Stubber(client) as stub:
        yield client, stub


def test_a_model_is_given_the_figures_and_writes(stubbed: Stubbed):
    client, stub = stubbed
    sent: list[dict[str, Any]] = []
    client.meta.events.register(
        "before-parameter-build.bedrock-runtime.Converse",
        lambda params, **_: sent.append(json.loads(json.dumps(params))),
    )
    stub.add_response("converse", _answer("Rho is 0.84 and the warning is high."))

    text = checked(Bedrock(client, "a-model").write("stress", FACTS), FACTS)

    assert text == "Rho is 0.84 and the warning is high."
    assert sent[0]["modelId"] == "a-model"
    assert "rho: 0.84" in sent[0]["messages"][0]["content"][0]["text"]
    assert sent[0]["inferenceConfig"]["temperature"] == 0.0


def test_a_model_that_invents_a_number_is_refused(stubbed: Stubbed):
    client, stub = stubbed
    stub.add_response("converse", _answer("Rho is 0.84, about 5 times the usual."))

    with pytest.raises(NumberInvented, match="'5'"):
        checked(Bedrock(client, "a-model").write("stress", FACTS), FACTS)


@pytest.mark.parametrize(("text", "reason"), [("Rho is", "max_tokens"), ("", "end_turn")])
def test_a_text_that_is_cut_short_is_none(stubbed: Stubbed, text: str, reason: str):
    client, stub = stubbed
    stub.add_response("converse", _answer(text, reason))

    with pytest.raises(ValueError, match="wrote no whole section 'stress'"):
        Bedrock(client, "a-model").write("stress", FACTS)


def test_an_unreachable_model_is_an_error_not_a_text(stubbed: Stubbed):
    client, stub = stubbed
    stub.add_client_error("converse", "AccessDeniedException", "no access to the model")

    with pytest.raises(client.exceptions.AccessDeniedException):
        Bedrock(client, "a-model").write("stress", FACTS)
