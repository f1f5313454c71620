"""Every message of the dialect is known to the page, which shows its readers words of its own for it. What is said to other panels only is not for readers."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pattern(template):
    """What a text of the page fits: {name} stands for anything."""
    return re.compile(".+".join(re.escape(part) for part in re.split(r"\{\w+\}", template)))


def run():
    source = (ROOT / "src" / "api" / "flvx" / "messages.cpp").read_text(encoding="utf-8")
    source, _ = source.split("// Said to other panels")
    rows = re.findall(r'\{Errc::\w+, "([\w.]+)", "([^"]+)"\}', source)
    page = (ROOT / "embed" / "src" / "api" / "errors.ts").read_text(encoding="utf-8")
    known = [pattern(text) for text in re.findall(r"\['([^']+)', 'error\.", page)]
    failures = []
    for field, text in rows:
        said = re.sub(r"\{\d\}", "7", text)
        forms = (said, f"节点 7 下发失败: {said}")
        if not any(one.fullmatch(form) for one in known for form in forms):
            failures.append(f"the page has no words for {field}: {text}")
    return len(rows), failures
