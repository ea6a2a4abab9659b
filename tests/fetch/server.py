#!/usr/bin/env python3
"""A server for tests that speaks the Materials Project's summary API and OPTIMADE, and fails on demand.

usage: server.py PORT_FILE LOG_FILE [--tls CERTIFICATE_AND_KEY]

Writes its port to PORT_FILE and appends a line for each request to LOG_FILE: METHOD PATH key=KEY.
The first part of the path is a plan of faults, which clients leave as it is ("http://127.0.0.1:PORT/PLAN/..."):
names with + between, each "name" or "name:argument".  A fault strikes once for every URL unless it says otherwise.
"""

import email.utils
import gzip
import http.server
import json
import socket
import struct
import sys
import threading
import time
import urllib.parse
import zlib

KEY = "0123456789abcdefSECRETsecret4567"
N = 57


def material(i):
    """A made-up crystal: CsCl or rock salt, with some that are of no use."""
    pairs = [("Na", "Cl"), ("Cs", "Cl"), ("Mg", "O"), ("Ga", "As"), ("Ni", "Al"), ("Zr", "C")]
    a, b = pairs[i % len(pairs)]
    edge = 3.5 + 0.01 * i
    # The numbers of real databases: long, and some small.
    matrix = [[edge, 0.0, 1.2e-17], [0.0, edge + 1 / 3, 0.0], [0.1, 0.0, edge]]
    sites = [
        {"species": [{"element": a, "occu": 1}], "abc": [0.0, 0.0, 0.0], "label": a, "properties": {"magmom": 0.0}},
        {"species": [{"element": b, "occu": 1}], "abc": [0.5, 0.5, 0.5 + i / 7000], "label": b, "properties": {}},
    ]
    structure = {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": 0,
        "lattice": {"matrix": matrix, "pbc": [True, True, True], "a": edge, "volume": edge**3},
        "sites": sites,
    }
    row = {
        "material_id": "mp-%d" % (100 + 3 * i),
        "structure": structure,
        "formation_energy_per_atom": -1.5 + i / 19,
        "band_gap": 0 if i % 3 == 0 else i / 9,
        "is_metal": i % 3 == 0,
        "is_stable": i % 4 == 0,
        "bulk_modulus": {"voigt": 100.5 + i, "reuss": 99.25 + i, "vrh": 99.875 + i} if i % 5 else None,
        "elements": sorted([a, b]),
        "gnome": i % 10 == 7,
    }
    if i == 11:
        row["structure"] = None
    if i == 12:
        row["structure"]["lattice"]["matrix"][2] = row["structure"]["lattice"]["matrix"][0]
    if i == 13:
        row["formation_energy_per_atom"] = None
    if i == 14:
        row["structure"]["sites"][1]["species"][0]["element"] = "Qq"
    if i == 15:
        row["material_id"] = None
    return row


MATERIALS = [material(i) for i in range(N)]


def entry(row):
    """The same as an OPTIMADE resource."""
    attributes = {
        "_ex_gap": row["band_gap"],
        "_ex_deep": {"gga_gga+u": {"energy.per.atom": row["formation_energy_per_atom"]}},
        "_ex_metal": row["is_metal"],
    }
    structure = row["structure"]
    if structure is not None:
        m = structure["lattice"]["matrix"]
        names = [s["species"][0]["element"] for s in structure["sites"]]
        attributes.update(
            lattice_vectors=m,
            cartesian_site_positions=[
                [sum(s["abc"][k] * m[k][c] for k in range(3)) for c in range(3)] for s in structure["sites"]
            ],
            species_at_sites=names,
            species=[{"name": n, "chemical_symbols": [n], "concentration": [1.0]} for n in names],
            nsites=len(names),
            nperiodic_dimensions=3,
            dimension_types=[1, 1, 1],
            structure_features=[],
        )
    return {"type": "structures", "id": row["material_id"], "attributes": attributes}


class Refused(Exception):
    def __init__(self, status, body, headers=()):
        self.status, self.body, self.headers = status, body, dict(headers)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = {}
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    # ---- answers

    def answer(self, status, body, headers=None, length=None):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = dict(headers or {})
        headers.setdefault("Content-Type", "application/json")
        if "gzip" in self.plan and "gzip" in self.headers.get("Accept-Encoding", "") and length is None:
            data = gzip.compress(data)
            headers["Content-Encoding"] = "gzip"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        self.wfile.write(data)

    def reset(self):
        """End the connection with RST, as a router that forgets it does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    # ---- faults; each gives True when it has answered

    def fault(self, name, argument, count, body):
        first = count == 0
        n = int(argument) if argument.isdigit() else 1
        if name in ("500", "502", "503", "504") and count < n:
            self.answer(int(name), b"<html>upstream trouble</html>", {"Content-Type": "text/html"})
        elif name == "429" and first:
            self.answer(429, {"message": "API rate limit exceeded"}, {"Retry-After": argument or "1"})
        elif name == "429date" and first:
            self.answer(429, {}, {"Retry-After": email.utils.formatdate(time.time() + 2, usegmt=True)})
        elif name == "always500":
            self.answer(500, {"detail": "out of order, key " + KEY})
        elif name == "401":
            self.answer(401, {"message": "No API key found in request, not even " + KEY})
        elif name == "403":
            self.answer(403, {"detail": "Invalid authentication credentials"})
        elif name == "400":
            self.answer(400, {"detail": "Request contains query parameters which cannot be used: wibble"})
        elif name == "422":
            self.answer(422, {"detail": [{"loc": ["query", "_limit"], "msg": "value is not a valid integer"}]})
        elif name == "reset" and first:
            self.reset()
        elif name == "close" and first:
            self.close_connection = True
        elif name == "half" and first:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        elif name == "halfreset" and first:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            time.sleep(0.1)
            self.reset()
        elif name == "longlength" and first:
            self.answer(200, body, length=len(body) + 1000)
            self.close_connection = True
        elif name == "cutjson" and first:
            self.answer(200, body[: len(body) * 2 // 3])
        elif name == "garbage" and first:
            self.answer(200, b"<html><body>login page</body></html>", {"Content-Type": "text/html"})
        elif name == "alwaysgarbage":
            self.answer(200, b'{"data": [' + b"[" * 5000)
        elif name == "notlist":
            self.answer(200, {"data": {"a": 1}, "key": KEY})
        elif name == "stall" and first:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:100])
            self.wfile.flush()
            time.sleep(float(argument or 30))
            self.close_connection = True
        elif name == "slow":
            time.sleep(float(argument or 0.3))
            return False
        elif name == "huge":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                for _ in range(2000):
                    self.wfile.write(b" " * (1 << 20))
            except OSError:
                pass
        elif name == "bomb":
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            data = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(270)) + packer.flush()
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            try:
                self.wfile.write(data)
            except OSError:
                pass
        elif name == "redirect":  # to the same path of another server: its port
            self.answer(302, b"", {"Location": "http://127.0.0.1:%s%s" % (argument, self.bare)})
        elif name == "redirectfile":
            self.answer(301, b"", {"Location": "file:///etc/passwd"})
        elif name == "loop":
            self.answer(307, b"", {"Location": self.path})
        else:
            return False
        return True

    def do_GET(self):
        host = self.headers.get("Host", "")
        parts = self.path.split("/", 2)
        self.plan = dict((f.split(":", 1) + [""])[:2] for f in parts[1].split("+"))
        self.bare = "/ok/" + (parts[2] if len(parts) > 2 else "")
        with Handler.lock:
            with open(self.server.log_file, "a", encoding="utf-8") as log:
                log.write("GET %s key=%s host=%s\n" % (self.path, self.headers.get("X-API-KEY", ""), host))
            count = Handler.seen.get(self.path, 0)
            Handler.seen[self.path] = count + 1
        url = urllib.parse.urlsplit("/" + (parts[2] if len(parts) > 2 else ""))
        query = {k: v[-1] for k, v in urllib.parse.parse_qs(url.query, keep_blank_values=True).items()}
        try:
            status, body, headers = 200, self.route(url.path, query), {}
            if isinstance(body, str):
                body, headers = body.encode(), {"Content-Type": "text/csv; header=present"}
            else:
                body = json.dumps(body).encode()
        except Refused as refused:
            status, body, headers = refused.status, json.dumps(refused.body).encode(), refused.headers
        paged = "summary" in url.path or url.path.endswith("/structures") and "info" not in url.path
        late = int(self.plan.get("from", "0"))  # faults strike from this row on; with "at", on its page alone
        at = int(query.get("_skip", query.get("page_offset", "0")))
        try:
            if paged and at >= late and at == int(self.plan.get("at", at)):
                for name, argument in self.plan.items():
                    if self.fault(name, argument, count, body):
                        return
            self.answer(status, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    # ---- the two APIs

    def route(self, path, query):
        if path == "/heartbeat":
            if "noheartbeat" in self.plan:
                raise Refused(404, {"detail": "Not Found"})
            version = self.plan.get("version", "") or "2025.09.25"
            return {"status": "OK", "db_version": version, "access_controlled_batch_ids": []}
        if path == "/materials/summary/":
            return self.summary(query)
        if path.endswith("/versions"):
            if "noversions" in self.plan or "/v1" in path:
                raise Refused(404, {"errors": [{"detail": "Not Found"}]})
            return "version\n0\n" if "onlyv0" in self.plan else "version\n1\n0\n"
        if path.endswith("/info/structures"):
            return self.info_structures()
        if path.endswith("/info"):
            return self.info(path)
        if path.endswith("/links"):
            return self.links()
        if path.endswith("/structures"):
            return self.structures(path, query)
        raise Refused(404, {"errors": [{"title": "Not Found", "detail": "there is no " + path}]})

    def summary(self, query):
        key = self.headers.get("X-API-KEY")
        if key is None:
            raise Refused(401, {"message": "No API key found in request"})
        if key != KEY:
            raise Refused(403, {"message": "Invalid authentication credentials"})
        limit, skip = int(query.get("_limit", 100)), int(query.get("_skip", 0))
        if limit > 1000:
            raise Refused(400, {"detail": "Requested more data per query than allowed by this endpoint."})
        known = {"_limit", "_skip", "_fields", "is_stable", "batch_id_not_eq", "elements", "has_props", "nsites_max",
                 "formation_energy_per_atom_min", "formation_energy_per_atom_max", "k_vrh_min", "chemsys", "formula"}
        if set(query) - known:
            raise Refused(400, {"detail": "Request contains query parameters which cannot be used: "
                                + ", ".join(sorted(set(query) - known))})
        rows = MATERIALS
        if query.get("is_stable") == "true":
            rows = [r for r in rows if r["is_stable"]]
        if query.get("batch_id_not_eq") == "gnome_r2scan_statics":
            rows = [r for r in rows if not r["gnome"]]
        if "elements" in query:
            rows = [r for r in rows if set(query["elements"].split(",")) <= set(r["elements"])]
        if query.get("has_props") == "elasticity":
            rows = [r for r in rows if r["bulk_modulus"] is not None]
        if "k_vrh_min" in query:
            rows = [r for r in rows if r["bulk_modulus"] and r["bulk_modulus"]["vrh"] >= float(query["k_vrh_min"])]
        for end, sign in (("min", 1), ("max", -1)):
            bound = query.get("formation_energy_per_atom_" + end)
            if bound is not None:
                rows = [r for r in rows if r["formation_energy_per_atom"] is not None
                        and sign * (r["formation_energy_per_atom"] - float(bound)) >= 0]
        if "none" in self.plan:
            rows = []
        fields = query.get("_fields", "material_id").split(",")
        if "duplicates" in self.plan:
            rows = rows[:20] + rows[5:]
        page = rows[skip: skip + limit]
        if "repeat" in self.plan:
            page = rows[:limit]
        if "empty" in self.plan and skip > 0:
            page = []
        return {"data": [{f: r.get(f) for f in fields} for r in page],
                "meta": {"api_version": "0.84", "time_stamp": "2025-01-01T00:00:00", "total_doc": len(rows),
                         "max_limit": 1000}}

    def provider_meta(self, rows, more):
        meta = {"api_version": "1.1.0", "query": {"representation": self.bare}, "more_data_available": more,
                "data_returned": rows, "provider": {"name": "Example", "description": "made up", "prefix": "ex"},
                "implementation": {"name": "server.py", "version": "1"}}
        if "delay" in self.plan:
            meta["request_delay"] = 0.05
        return meta

    def info(self, path):
        if "/v1/" not in path and "unversioned" not in self.plan and "offered" not in self.plan:
            raise Refused(404, {"errors": [{"detail": "Not Found"}]})
        if "/v1/" in path and ("unversioned" in self.plan or "onlyv0" in self.plan or "noapi" in self.plan):
            raise Refused(404, {"errors": [{"detail": "Not Found"}]})
        if "/v1/" in path and "offered" in self.plan and "/deep/" not in path:
            raise Refused(404, {"errors": [{"detail": "Not Found"}]})
        base = "http://127.0.0.1:%d/%s" % (self.server.server_port, self.path.split("/")[1])
        attributes = {"api_version": "1.1.0", "is_index": "index" in self.plan,
                      "available_api_versions": [{"url": base + "/old/v0/", "version": "0.9.5"}],
                      "license": "https://example.org/licence", "available_licenses": ["CC-BY-4.0"]}
        if "offered" in self.plan:
            attributes["available_api_versions"].append({"url": base + "/deep/v1/", "version": "1.1.0"})
        return {"data": {"type": "info", "id": "/", "attributes": attributes}, "meta": {}}

    def info_structures(self):
        return {"data": {"properties": {
            "nelements": {"description": "number of elements", "type": "integer"},
            "species": {"description": "species", "type": "list"},
            "_ex_gap": {"description": "band gap\nof the crystal", "unit": "eV", "type": "float"},
            "_ex_metal": {"description": "metal?", "x-optimade-unit": "inapplicable", "type": ["boolean", "null"]},
            "_ex_deep": {"description": "energies", "type": "dictionary"}}}, "meta": {}}

    def links(self):
        def child(name, kind):
            return {"type": "links", "id": name,
                    "attributes": {"name": name, "link_type": kind, "base_url": "https://example.org/" + name}}
        return {"data": [child("perovskites", "child"), child("parent", "root"), child("alloys", "child")], "meta": {}}

    def structures(self, path, query):
        limit = int(query.get("page_limit", 20))
        if "limit403" in self.plan and "page_limit" in query:
            raise Refused(403, {"errors": [{"status": "403", "title": "Forbidden", "detail": "page_limit is 20 at most"}]})
        if "errors" in self.plan:
            return {"meta": {}, "errors": [{"title": "Bad", "detail": "the filter can't be parsed"}]}
        offset = int(query.get("page_offset", 0))
        rows = [entry(r) for r in MATERIALS]
        odd = [
            {"type": "structures", "id": "../../evil", "attributes": rows[0]["attributes"]},
            {"type": "structures", "id": "a/b c", "attributes": rows[1]["attributes"]},
            {"type": "structures", "id": ".hidden", "attributes": rows[2]["attributes"]},
            {"type": "structures", "id": "slab", "attributes": dict(rows[1]["attributes"], nperiodic_dimensions=2,
                                                                     dimension_types=[1, 1, 0])},
            {"type": "structures", "id": "text", "attributes": dict(rows[1]["attributes"], _ex_gap="wide")},
            {"type": "structures", "id": "long" * 100, "attributes": rows[1]["attributes"]},
            {"type": "structures", "id": "named", "attributes": dict(
                rows[1]["attributes"],
                species_at_sites=["C", "M"],
                species=[{"name": "C", "chemical_symbols": ["Ti"], "concentration": [1.0]},
                         {"name": "M", "chemical_symbols": ["O"], "concentration": [1.0]}])},
            "no object", None,
        ]
        if "odd" in self.plan:
            rows = odd + rows
        if query.get("filter", "").startswith("elements HAS"):
            element = query["filter"].split('"')[1]
            rows = [r for r in rows if isinstance(r, dict) and element in r["attributes"].get("species_at_sites", [])]
        total = len(rows)
        page, end = rows[offset: offset + limit], offset + limit
        following = None
        if end < total:
            keep = {k: v for k, v in query.items() if k != "page_offset"}
            keep["page_offset"] = str(end)
            tail = "structures?" + urllib.parse.urlencode(keep)
            base = "http://%s%s" % (self.headers.get("Host"), self.path.split("?")[0])
            following = base + "?" + urllib.parse.urlencode(keep)
            if "relative" in self.plan:
                following = tail
            if "object" in self.plan:
                following = {"href": following, "meta": {}}
            if "self" in self.plan:
                following = "http://%s%s" % (self.headers.get("Host"), self.path)
            if "endless" in self.plan:
                following += "&again=%d" % time.monotonic_ns()
                following = following.replace("page_offset=%d" % end, "page_offset=0")
            if "nolink" in self.plan:
                following = None
            if "filelink" in self.plan:
                following = "file:///etc/passwd"
        if "emptypages" in self.plan:
            page, following = [], "structures?page_offset=%d" % end
        body = {"data": page, "meta": self.provider_meta(total, end < total), "links": {"next": following}}
        if following is None and "nulllink" not in self.plan:
            body["links"] = {}
        return body


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


def main():
    server = Server(("127.0.0.1", 0), Handler)
    server.log_file = sys.argv[2]
    if len(sys.argv) > 4 and sys.argv[3] == "--tls":
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[4])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(sys.argv[1] + ".new", "w", encoding="utf-8") as file:
        file.write(str(server.server_port))
    import os

    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


if __name__ == "__main__":
    main()
