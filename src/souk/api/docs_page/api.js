// Talking to this server: the description of it, and calls with the key of this tab.

export const base = new URL("..", import.meta.url);

const KEY = "souk-key";

export const key = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => (value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY)),
};

export async function description() {
  const answer = await fetch(new URL("openapi.json", base));
  if (!answer.ok) throw new Error(`openapi.json answers HTTP ${answer.status}`);
  return answer.json();
}

// The envelope of a call. A broken connection is told as the server tells its refusals.
export async function call(path, body, signal) {
  const headers = { Authorization: `Bearer ${key.get()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(new URL(path, base), {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return { code: 0, msg: `The server did not answer: ${error.message}`, data: null };
  }
}

// The same call for a terminal.
export function curl(path, body) {
  const quoted = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return [
    `curl -s ${new URL(path, base)} \\`,
    '  -H "Authorization: Bearer $SOUK_API_KEY" \\',
    '  -H "Content-Type: application/json" \\',
    `  -d '${quoted}'`,
  ].join("\n");
}

// A stored file as this page may load it: results name the public address, the page its own.
export function here(link) {
  const at = new URL(link, base);
  const path = at.pathname.indexOf("/f/");
  return path < 0 ? at.href : new URL(at.pathname.slice(path + 1), base).href;
}
