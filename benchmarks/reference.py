"""What the application is measured against, with the least that can be done.

One INSERT, one COMMIT and one LPUSH: by the database's driver alone, and by Flask-SQLAlchemy. A page of the same bytes.
And the loop of four steps at the application's own addresses: sign, send (`reference_worker.py`), open, confirm.
"""

import os
import threading

import psycopg
import redis
from flask import Flask, Response, redirect, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)
local = threading.local()
redis_client = redis.Redis.from_url(os.environ["REDIS_URL"])
pages: dict[str, bytes] = {}


def connection() -> psycopg.Connection:
    """Return this thread's connection."""
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(os.environ["REFERENCE_DATABASE"])
    return local.connection


@app.post("/insert")
def insert() -> tuple[dict[str, str], int]:
    """Insert a name and an address, and push a message to a queue."""
    fields = request.get_json() if request.is_json else request.form
    database = connection()
    database.execute("INSERT INTO reference (name, email) VALUES (%s, %s)", (fields.get("name"), fields.get("email")))
    database.commit()
    redis_client.lpush("reference", "1")
    return {"status": "ok"}, 202


@app.post("/insert-sqlalchemy")
def insert_sqlalchemy() -> tuple[dict[str, str], int]:
    """Do the same with Flask-SQLAlchemy."""
    fields = request.get_json() if request.is_json else request.form
    row = {"name": fields.get("name"), "email": fields.get("email")}
    db.session.execute(text("INSERT INTO reference (name, email) VALUES (:name, :email)"), row)
    db.session.commit()
    redis_client.lpush("reference", "1")
    return {"status": "ok"}, 202


@app.get("/ready")
def ready() -> str:
    """Answer once there is a connection."""
    connection().rollback()
    return "ok"


@app.get("/page")
def page() -> Response:
    """Return the bytes of a page of the application."""
    path = os.environ["REFERENCE_PAGE"]
    if path not in pages:
        with open(path, "rb") as file:
            pages[path] = file.read()
    return Response(pages[path], mimetype="text/html")


@app.post("/p/<slug>/sign")
def sign(slug: str) -> Response:
    """Insert a signature and queue its email."""
    database = connection()
    values = (request.form["name"], request.form["email"])
    row = database.execute("INSERT INTO reference (name, email) VALUES (%s, %s) RETURNING id", values).fetchone()
    database.commit()
    redis_client.lpush("reference-emails", row[0])
    return redirect(f"/p/{slug}/check-your-email", 303)


@app.get("/c/<int:number>")
def open_link(number: int) -> str:
    """Show the signature that a link belongs to."""
    database = connection()
    row = database.execute("SELECT name FROM reference WHERE id = %s", (number,)).fetchone()
    database.commit()
    return f'<p>{row[0]}</p><form method="post"><input name="seen" value="1"><button>Confirm</button></form>'


@app.post("/c/<int:number>")
def confirm(number: int) -> Response:
    """Mark a signature as confirmed."""
    database = connection()
    database.execute("UPDATE reference SET confirmed = true WHERE id = %s", (number,))
    database.commit()
    return redirect("/me/", 303)
