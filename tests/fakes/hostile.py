"""Hostile texts: what a branch, a parameter, a message or a secret may hold, chosen to be taken for something else.

Who executes one of them leaves a file called PWNED in its working directory.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

PWNED = "PWNED"

FRAGMENTS = (
    # quotes, and what ends them
    *("'", '"', "`", "'''", '"""', "\\", "\\'", '\\"', "\\\\'", "$/", "/$", "')", '")', "'; ", "'])}"),
    # Groovy
    *("$", "${", "}", "${1+1}", "$x", "\\u0027", "\\u0024{1+1}", "\\x27", "\\\\u0027", "*/", "/*", "//", "{", "@Grab('a:b:1')"),
    f"${{'touch {PWNED}'.execute()}}",
    f"'.execute(); new File('{PWNED}').createNewFile(); '",
    f"\"; new File('{PWNED}').createNewFile(); \"",
    f"''' + new File('{PWNED}').createNewFile() + '''",
    f"'); sh('touch {PWNED}'); ('",
    f"'\n}}\nnew File('{PWNED}').createNewFile()\n",
    # the shell
    *(";", "&", "|", "&&", "||", ">", "<", "<<EOF", "*", "?", "~", "!!", "#", "--help", "-", "-n", "%", "%s", "$IFS", "$$", "$HOME"),
    *(f"$(touch {PWNED})", f"`touch {PWNED}`", f"; touch {PWNED} #", f"\ntouch {PWNED}\n", f"' && touch {PWNED} '"),
    f"() {{ :; }}; touch {PWNED}",
    # Jinja
    *("{{", "}}", "{%", "%}", "{#", "#}", "{{ 7 * 7 }}", "{% raw %}", "{% include '/etc/passwd' %}"),
    f"{{{{ cycler.__init__.__globals__.os.system('touch {PWNED}') }}}}",
    # YAML
    *(": ", "- ", " #", "? ", "!!python/object/apply:os.system", "*a", "&a", "---", "...", "yes", "~", "null", "0x1F", "1e3", "<<"),
    *("@", "[", "]", ",", "|+", ">-", "%YAML 1.1", "2024-01-01", "=", "[a, b]", "{a: b}"),
    # XML, HTML and Markdown
    *("]]>", "<![CDATA[", "<!--", "-->", "&amp;", "&#0;", "&lt;", "<?xml?>", "</script>", "<script>alert(1)</script>", "&nbsp;"),
    *("<img src=x onerror=alert(1)>", "@everyone", "![x](y)", "[x](javascript:alert(1))", "**", "_", "#12", "\n# h", "\n---\n", "| a |"),
    # paths and addresses
    *("/", "..", "../", "./", "%2F", "%252F", "%2e%2e%2f", "%", "%%", "%00", "+", "//", "~root", "C:\\", "\u2024", "\uff0f"),
    # what is not seen
    *(" ", "  ", "\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u2028", "\u2029", "\ufeff", "\b"),
    *("\u200b", "\u202e", "\u2066", "\u200f", "\x01", "\x1f", "\ufffe", "\uffff", "\ufffd"),
    # Unicode
    *("é", "e\u0301", "ß", "İ", "模型", "\uff46\uff55", "\U0001f600", "\U0001f468\u200d\U0001f469", "\U0010ffff", "\U000e0041", "ﷺ"),
    *("main", "a", "0", "x" * 300),
)  # fmt: skip
LONG = st.sampled_from(["x" * 20_000, "'" * 20_000, "\U0001f600" * 5_000, "${x}" * 3_000, "\\" * 15_000])


def texts(
    *, without: str = "", empty: bool = False, fragments: tuple[str, ...] = FRAGMENTS, most: int = 6
) -> st.SearchStrategy[str]:
    """Texts out of nasty fragments and any Unicode.

    Args:
        without: characters that do not occur.
        empty: whether the empty text is one of them.
        fragments: what they are made of, beside any Unicode.
        most: fragments in a text.
    """
    known = [fragment for fragment in fragments if not set(fragment) & set(without)]
    # Halves of a surrogate pair are no text: UTF-8 cannot carry them.
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=without)
    part = st.one_of(st.sampled_from(known), st.sampled_from(known), st.text(characters, min_size=1, max_size=4))
    return st.lists(part, min_size=0 if empty else 1, max_size=most).map("".join)


def quoted(value: Any) -> str:
    """A document as YAML in JSON's style; what YAML does not take as it is stands escaped."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(character if _plain(character) else _escaped(character) for character in text)


def _plain(character: str) -> bool:
    """Whether YAML takes a character as it is, and gives it back as it is, within double quotes."""
    return (
        " " <= character <= "~"
        or ("\xa0" <= character <= "\ufefe" and character not in "\u2028\u2029")
        or character > "\uffff"
    )


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"
