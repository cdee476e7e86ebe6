# etcd_users.py PORT SECONDS: etcd's users `root` and `quantum` (Patroni's, for /quantum alone), and that whoever proves
# nothing may do nothing. Harmless to repeat. Standard input: root's password and Patroni's, a line each.
# https://etcd.io/docs/v2.3/auth_api/
import sys
import time

import etcd
import etcd.auth


class Admin:
    def __init__(self, port, password=None):
        login = {} if password is None else {"username": "root", "password": password}
        self.client = etcd.Client(host="127.0.0.1", port=port, read_timeout=5, **login)

    def is_proven(self):
        return etcd.auth.Auth(self.client).active

    def prove(self):
        etcd.auth.Auth(self.client).active = True

    def put(self, path, body):
        self.client.api_execute_json(f"{self.client.version_prefix}/auth/{path}", self.client._MPUT, params=body)

    # A user that exists keeps its roles and is given this password.
    def user(self, name, password, roles):
        try:
            self.put(f"users/{name}", {"user": name, "password": password, "roles": roles})
        except etcd.EtcdException:
            self.put(f"users/{name}", {"user": name, "password": password})

    def role(self, name, paths):
        role = etcd.auth.EtcdRole(self.client, name)
        role.acls = {path: "RW" for path in paths}
        role.write()


def await_etcd(port, seconds):
    until = time.monotonic() + seconds
    while True:
        try:
            return Admin(port).is_proven()
        except etcd.EtcdException as error:
            if time.monotonic() >= until:
                sys.exit(f"etcd does not answer on port {port} ({error}); see its log")
            time.sleep(0.1)


def main():
    port = int(sys.argv[1])
    root, patroni = (sys.stdin.readline().rstrip("\n") for _ in range(2))
    proven = await_etcd(port, float(sys.argv[2]))
    admin = Admin(port, root if proven else None)
    try:
        admin.user("root", root, ["root"])
        admin.role("quantum", ["/quantum", "/quantum/*"])
        admin.user("quantum", patroni, ["quantum"])
        if not proven:
            admin.prove()
            admin = Admin(port, root)
        admin.role("guest", [])
    except etcd.EtcdInsufficientPermissions:
        sys.exit("etcd refuses root's password: it is not the one that its data was made with; "
                 "restore the file (docs/runbook.md, Secrets)")


main()
