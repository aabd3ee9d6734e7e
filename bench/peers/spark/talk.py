"""A Python program's side of the talk with the harness: see bench/peers/peer.ts."""
import hashlib
import json
import sys


def ready():
    print(json.dumps({"type": "ready"}), flush=True)


def passes():
    """The topic to write to, or an empty line, for each pass."""
    for line in sys.stdin:
        yield line.strip()


def answer(digest, batch_seconds):
    print(json.dumps({"type": "pass", "batchSeconds": batch_seconds, "digest": digest}), flush=True)


def digest_of(pairs):
    """The same for equal results, whatever the order of the keys."""
    lines = sorted(f"{key} {value}\n" for key, value in pairs)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
