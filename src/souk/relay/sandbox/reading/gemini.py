"""Gemini's generateContent, read. Source: the Gemini API reference, "Generating content"."""

from typing import Final

from souk.relay.protocols.protocol import Ask
from souk.relay.sandbox.asked import NO_TOOLS, Asked, Choice, Limits, Result, Structure, Talk, Tool, Unusable
from souk.relay.sandbox.tokens import written
from souk.relay.sandbox.view import a_list, a_text, an_object, either, objects, stops_of
from souk.words import JsonObject

HOSTED: Final = ("googleSearch", "googleSearchRetrieval", "urlContext", "codeExecution", "googleMaps")
"""Tools that the maker runs itself."""
MOST_CHOICES: Final = 8


def read_gemini(ask: Ask, body: JsonObject) -> Asked:
    """What the request asks for. Raises Unusable."""
    contents = objects(body.get("contents"))
    if not contents:
        raise Unusable("contents must be a list of at least one content")
    talk = Talk()
    for part in objects(an_object(either(body, "systemInstruction")).get("parts")):
        talk.instructed(a_text(part.get("text")))
    for content in contents:
        _follow(content, talk)
    config = an_object(either(body, "generationConfig"))
    if not 1 <= ask.choices <= MOST_CHOICES:
        raise Unusable(f"generationConfig.candidateCount must be a whole number from 1 to {MOST_CHOICES}")
    return Asked(
        model=ask.model,
        talk=talk,
        tools=tuple(_tools(objects(body.get("tools")))),
        choice=_choice(an_object(either(body, "toolConfig"))),
        structure=_structure(config),
        limits=Limits.of(ask.max_tokens, stops_of(either(config, "stopSequences"))),
        choices=ask.choices,
        thinks=either(an_object(either(config, "thinkingConfig")), "includeThoughts") is True,
    )


def _follow(content: JsonObject, talk: Talk) -> None:
    parts = objects(content.get("parts"))
    texts = [part["text"] for part in parts if a_text(part.get("text")) and part.get("thought") is not True]
    if content.get("role") == "model":
        talk.answered("\n".join(texts))
        for part in parts:
            call = an_object(either(part, "functionCall"))
            if call:
                name = a_text(call.get("name"))
                talk.call(a_text(call.get("id")) or name, name, call.get("args"))
        return
    for part in parts:
        file = an_object(either(part, "inlineData")) or an_object(either(part, "fileData"))
        if file:
            talk.saw(_kind(a_text(either(file, "mimeType"))))
    answers = [an_object(either(part, "functionResponse")) for part in parts]
    talk.turn(texts, [Result(a_text(a.get("name")), written(a.get("response"))) for a in answers if a])


def _kind(media_type: str) -> str:
    kind = media_type.partition("/")[0]
    return kind if kind in ("image", "audio", "video") else "file"


def _tools(given: list[JsonObject]) -> list[Tool]:
    tools: list[Tool] = []
    for tool in given:
        tools += [Tool(name) for name in HOSTED if either(tool, name) is not None]
        for function in objects(either(tool, "functionDeclarations")):
            schema = either(function, "parametersJsonSchema") or function.get("parameters")
            tools.append(Tool(a_text(function.get("name")), an_object(schema)))
    return tools


def _choice(config: JsonObject) -> Choice:
    calling = an_object(either(config, "functionCallingConfig"))
    names = tuple(str(name) for name in a_list(either(calling, "allowedFunctionNames"))) or None
    mode = a_text(calling.get("mode")).upper()
    return NO_TOOLS if mode == "NONE" else Choice(mode == "ANY", names)


def _structure(config: JsonObject) -> Structure | None:
    media_type = a_text(either(config, "responseMimeType"))
    schema = either(config, "responseJsonSchema") or either(config, "responseSchema")
    if media_type == "text/x.enum":
        return Structure(an_object(schema), bare=True)
    return Structure(an_object(schema)) if schema or media_type == "application/json" else None
