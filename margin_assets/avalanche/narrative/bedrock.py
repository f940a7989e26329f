"""The narrative by a language model on Amazon Bedrock, where one is configured; off by default."""

from typing import Any

from margin_assets.avalanche.narrative.facts import Facts

_VOICES = {
    "margin": "the head of margin: what is called, by whom, and how margin models answer",
    "liquidity": "the treasurer: what is paid from what, when it ends, and which line is needed",
    "portfolio": "the risk chief: whose books bring the need, and what to change first",
    "stress": "the stress tester: whether it feeds on itself, and how near it is",
}
_INSTRUCTION = (
    "You write one paragraph of at most five plain sentences, for people who decide. You are given"
    " figures as name and text. State figures only as the very text you are given. State no other"
    " number, neither in digits nor in words, and compute nothing. No headings, no lists."
)
_MOST_TOKENS = 500


class Bedrock:
    """Writes sections through the Converse operation of `bedrock-runtime`."""

    def __init__(self, client: Any, model_id: str) -> None:  # noqa: ANN401 (boto3 has no types)
        self._client, self._model_id = client, model_id

    def write(self, section: str, facts: Facts) -> str:
        """The section's text as the model gave it; whoever asks checks its numbers.

        Raises:
            ValueError: The model gave no text, or was cut short.
        """
        answer = self._client.converse(
            modelId=self._model_id,
            system=[{"text": f"{_INSTRUCTION} You are {_VOICES[section]}."}],
            messages=[{"role": "user", "content": [{"text": _listed(facts)}]}],
            inferenceConfig={"maxTokens": _MOST_TOKENS, "temperature": 0.0},
        )
        parts = answer["output"]["message"]["content"]
        text = " ".join(part["text"].strip() for part in parts if "text" in part)
        if not text or answer["stopReason"] != "end_turn":
            msg = f"{self._model_id} wrote no whole section {section!r}: {answer['stopReason']}"
            raise ValueError(msg)
        return text


def _listed(facts: Facts) -> str:
    return "\n".join(f"{name}: {text}" for name, text in facts.items())


def bedrock(model_id: str, region: str | None = None) -> Bedrock:
    """The writer of a model in the account that boto3 finds."""
    import boto3

    return Bedrock(boto3.client("bedrock-runtime", region_name=region), model_id)
