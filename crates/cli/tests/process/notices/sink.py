"""A mail server (Debian's python3-aiosmtpd) and a webhook receiver that write down everything they take.

    sink.py FOLDER [CERTIFICATE KEY USER PASSWORD]

Prints the two ports. With a certificate nothing is taken without STARTTLS and a login.
"""
import asyncio
import json
import logging
import pathlib
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from aiosmtpd.smtp import SMTP, AuthResult

logging.disable(logging.CRITICAL)
folder = pathlib.Path(sys.argv[1])
guarded = sys.argv[2:6] or None


class Keep:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if (folder / "refuse").exists():
            return f"451 4.3.0 <{address}> try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        Keep.count += 1
        name = f"{Keep.count:04}"
        seen = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": session.ssl is not None, "login": session.authenticated}
        (folder / f"{name}.json").write_text(json.dumps(seen))
        (folder / f"{name}.eml").write_bytes(envelope.original_content)
        return "250 taken"


def login(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (guarded[2].encode(), guarded[3].encode())
    return AuthResult(success=right, handled=False)


def smtp():
    if not guarded:
        return SMTP(Keep(), hostname="sink", enable_SMTPUTF8=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(guarded[0], guarded[1])
    return SMTP(Keep(), hostname="sink", tls_context=context, require_starttls=True, auth_required=True, authenticator=login)


class Hook(BaseHTTPRequestHandler):
    count = 0

    def do_POST(self):
        Hook.count += 1
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {k.lower(): v for k, v in self.headers.items()}
        (folder / f"{Hook.count:04}.post").write_text(json.dumps({"path": self.path, "headers": headers, "body": body}))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


async def main():
    server = await asyncio.get_running_loop().create_server(smtp, "127.0.0.1", 0)
    hooks = HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hooks.serve_forever, daemon=True).start()
    print(server.sockets[0].getsockname()[1], hooks.server_port, flush=True)
    await server.serve_forever()


asyncio.run(main())
