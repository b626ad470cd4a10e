"""What the application is measured against: a bare Flask view with one INSERT, one COMMIT and one LPUSH.

Twice: by the database's driver alone, and by Flask-SQLAlchemy as an application of these packages would.
"""

import os
import threading

import psycopg
import redis
from flask import Flask, Response, request
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
    """Keep a name and an address, and say so on a queue."""
    fields = request.get_json() if request.is_json else request.form
    database = connection()
    database.execute("INSERT INTO reference (name, email) VALUES (%s, %s)", (fields.get("name"), fields.get("email")))
    database.commit()
    redis_client.lpush("reference", "1")
    return {"status": "ok"}, 202


@app.post("/insert-sqlalchemy")
def insert_sqlalchemy() -> tuple[dict[str, str], int]:
    """Do the same by Flask-SQLAlchemy."""
    fields = request.get_json() if request.is_json else request.form
    row = {"name": fields.get("name"), "email": fields.get("email")}
    db.session.execute(text("INSERT INTO reference (name, email) VALUES (:name, :email)"), row)
    db.session.commit()
    redis_client.lpush("reference", "1")
    return {"status": "ok"}, 202


@app.get("/page")
def page() -> Response:
    """Return the bytes of a page of the application's."""
    path = os.environ["REFERENCE_PAGE"]
    if path not in pages:
        with open(path, "rb") as file:
            pages[path] = file.read()
    return Response(pages[path], mimetype="text/html")
