"""Reads a folder of mails and posts as Python's own parsers understand them, and prints them as JSON: read.py FOLDER [SECRET]"""
import base64
import email
import email.policy
import hashlib
import hmac
import json
import pathlib
import sys

folder, secret = pathlib.Path(sys.argv[1]), (sys.argv[2] if len(sys.argv) > 2 else "")
mails, posts = [], []
for path in sorted(folder.glob("*.eml")):
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    calendar = [part for part in parts if part.get_content_type() == "text/calendar"]
    files = [part for part in parts if part.get_content_disposition() == "attachment"]
    envelope = path.with_suffix(".json")
    mails.append({
        "file": path.name,
        "id": mail["message-id"],
        "subject": str(mail["subject"]),
        "from": [a.addr_spec for a in mail["from"].addresses],
        "to": [[a.display_name, a.addr_spec] for a in mail["to"].addresses],
        "date": mail["date"].datetime.isoformat(),
        "auto": mail["auto-submitted"],
        "text": parts[0].get_content(),
        "type": parts[0].get_content_type(),
        "method": calendar[0].get_param("method") if calendar else None,
        "calendar": calendar[0].get_content() if calendar else None,
        "encoding": parts[0]["content-transfer-encoding"],
        "longest": max(len(line) for line in path.read_bytes().splitlines()),
        "seven_bit": all(byte < 128 for byte in path.read_bytes()),
        "files": [[f.get_filename(), f.get_content_type(), f.get_payload(decode=True).decode()] for f in files],
        "defects": [str(d) for part in mail.walk() for d in part.defects],
        "envelope": json.loads(envelope.read_text()) if envelope.exists() else None,
    })
for path in sorted(folder.glob("*.post")):
    post = json.loads(path.read_text())
    h = post["headers"]
    signed = f"{h['webhook-id']}.{h['webhook-timestamp']}.{post['body']}".encode()
    expected = "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    post["genuine"] = hmac.compare_digest(expected, h["webhook-signature"])
    post["body"] = json.loads(post["body"])
    posts.append(post)
print(json.dumps({"mails": mails, "posts": posts}))
