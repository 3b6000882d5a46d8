"""The same requests to the sandbox of chat in the words of each protocol."""

from typing import Any

from tests.unit.sandbox_chat import WEATHER

FORCED: dict[str, dict[str, Any]] = {
    "chat": {"tool_choice": "required"},
    "responses": {"tool_choice": {"type": "function", "name": "get_weather"}},
    "messages": {"tool_choice": {"type": "any"}},
    "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
}
FORBIDDEN: dict[str, dict[str, Any]] = {
    "chat": {"tool_choice": "none"},
    "responses": {"tool_choice": "none"},
    "messages": {"tool_choice": {"type": "none"}},
    "gemini": {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}},
}
FORMED: dict[str, dict[str, Any]] = {
    "chat": {"response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "w", "schema": WEATHER}}},
    "messages": {"output_config": {"format": {"type": "json_schema", "schema": WEATHER}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": WEATHER}},
}
SHORT: dict[str, dict[str, Any]] = {
    "chat": {"max_tokens": 5},
    "responses": {"max_output_tokens": 5},
    "messages": {"max_tokens": 5},
    "gemini": {"generationConfig": {"maxOutputTokens": 5}},
}
ANSWERED: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "user", "content": "Use get_weather"},
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "a",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": "{}"},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "17 degrees"},
        ]
    },
    "responses": {
        "input": [
            {"role": "user", "content": "Use get_weather"},
            {"type": "function_call", "call_id": "a", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "17 degrees"},
        ]
    },
    "messages": {
        "messages": [
            {"role": "user", "content": "Use get_weather"},
            {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "a", "name": "get_weather", "input": {}}],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "a", "content": "17 degrees"}],
            },
        ]
    },
    "gemini": {
        "contents": [
            {"role": "user", "parts": [{"text": "Use get_weather"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "get_weather", "response": {"result": "17 degrees"}}}
                ],
            },
        ]
    },
}
SEEN: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "https://files.example/a.png"}},
                    {"type": "image_url", "image_url": {"url": "https://files.example/b.png"}},
                ],
            },
        ]
    },
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "What is this?"},
                    {"type": "input_image", "image_url": "https://files.example/a.png"},
                    {"type": "input_image", "image_url": "https://files.example/b.png"},
                ],
            }
        ],
    },
    "messages": {
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image", "source": {"type": "url", "url": "https://files.example/a.png"}},
                    {"type": "image", "source": {"type": "url", "url": "https://files.example/b.png"}},
                ],
            }
        ],
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "What is this?"},
                    {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
                    {"fileData": {"mimeType": "image/png", "fileUri": "https://files.example/b.png"}},
                ],
            }
        ],
    },
}
