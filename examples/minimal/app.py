"""The smallest protected app: one route for callers with a permission, one for everybody."""

from flask import Flask

from flask_jafsec import JafSecurity, current_identity

app = Flask(__name__)
jafsec = JafSecurity(app)


@app.post("/chat")
@jafsec.require("chat:basic", limit="20/minute")
def chat():
    return {"reply": f"Hello {current_identity.subject}"}


@app.get("/health")
@jafsec.public(limit=None)
def health():
    return {"status": "ok"}
