"""JupyterLab in a browser: open a notebook, run it, ask the kernel, press keys.

It waits for what the application itself says, acts through its commands, and looks at the kernel
through a client of its own.
"""

import json
import re
import secrets
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Route

TIMEOUT_MS = 30_000
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/docmanager-extension/plugin": {"autosave": False},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
ASK = """
import sys
from jupyter_client.blocking import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels()
client.wait_for_ready(timeout=30)
reply = client.execute("", user_expressions={"value": sys.argv[2]}, reply=True, timeout=30)
client.stop_channels()
value = reply["content"]["user_expressions"]["value"]
print(value["data"]["text/plain"] if value["status"] == "ok" else value)
"""


class LabServer:
    """JupyterLab on ``folder``, with nothing of this user's own settings."""

    def __init__(self, folder: Path, home: Path, app_settings: Path) -> None:
        self.folder = folder
        self.runtime = home / "runtime"
        self.token = secrets.token_hex(16)
        for name, values in SETTINGS.items():
            file = home / "settings" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values), encoding="utf-8")
        self.log = (home / "server.log").open("wb")
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={self.token}"),
                "--LabApp.expose_app_in_browser=True",
                f"--LabApp.app_settings_dir={app_settings}",
                f"--LabApp.user_settings_dir={home / 'settings'}",
                f"--LabApp.workspaces_dir={home / 'workspaces'}",
            ],
            cwd=folder,
            env={**environment(home), "JUPYTER_RUNTIME_DIR": str(self.runtime)},
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.url = self._wait()

    def _wait(self) -> str:
        for _ in range(300):
            for file in self.runtime.glob("jpserver-*.json"):
                found = json.loads(file.read_text(encoding="utf-8"))
                return f"http://127.0.0.1:{found['port']}/"
            time.sleep(0.1)
        raise TimeoutError((self.runtime.parent / "server.log").read_text(encoding="utf-8"))

    def get(self, path: str) -> Any:
        """What the server's interface answers."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.url}api/{path}", headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return json.load(answer)

    def ask_kernel(self, notebook: str, expression: str) -> str:
        """What ``expression`` is in the kernel of ``notebook``, by a client beside the browser."""
        (kernel,) = [s["kernel"]["id"] for s in self.get("sessions") if s["path"] == notebook]
        file = self.runtime / f"kernel-{kernel}.json"
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(file), expression],
            capture_output=True,
            text=True,
            check=True,
            timeout=90,
        )
        return done.stdout.strip()

    def wait_for(self, notebook: str, expression: str, value: str) -> None:
        """Wait until ``expression`` is ``value`` in the kernel; widgets send with a delay."""
        for _ in range(20):
            found = self.ask_kernel(notebook, expression)
            if found == value:
                return
        raise TimeoutError(f"{expression} is {found}; expected {value}")

    def close(self) -> None:
        """Stop the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def environment(home: Path) -> dict[str, str]:
    """The environment, with folders of Jupyter's under ``home``."""
    import os  # noqa: PLC0415 - only here

    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    return {
        **kept,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "IPYTHONDIR": str(home / "ipython"),
    }


class LabPage:
    """A page with JupyterLab in it; whatever asks for another host is refused and remembered."""

    def __init__(self, page: Page, server: LabServer) -> None:
        self.page = page
        self.server = server
        self.foreign: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(TIMEOUT_MS)
        page.route("**/*", self._route)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(f"{server.url}lab?token={server.token}&reset")
        page.wait_for_function("() => window.jupyterapp !== undefined")
        page.evaluate("async () => { await jupyterapp.started; await jupyterapp.restored; }")

    def _route(self, route: Route) -> None:
        url = route.request.url
        if re.match(r"(http|ws)://127\.0\.0\.1[:/]|data:|blob:", url):
            route.continue_()
        else:
            self.foreign.append(url)
            route.abort()

    def open(self, path: str) -> None:
        """Open a notebook and wait until its kernel is idle."""
        self.page.evaluate(
            """async (path) => {
              const widget = await jupyterapp.commands.execute("docmanager:open",
                {path, factory: "Notebook"});
              await widget.context.ready;
              await widget.sessionContext.ready;
              for (let i = 0; i < 600; i++) {
                const kernel = widget.sessionContext.session?.kernel;
                if (kernel?.status === "idle") return;
                await new Promise(done => setTimeout(done, 100));
              }
              throw new Error("the kernel did not become idle");
            }""",
            path,
        )

    def run_all(self) -> None:
        """Run all cells of the open notebook; returns when the last has ended."""
        self.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")

    def save(self) -> None:
        """Save the open notebook."""
        self.page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")

    def close_all(self) -> None:
        """Close what is open, without asking, and stop its kernels."""
        self.page.evaluate(
            """async () => {
              for (const widget of [...jupyterapp.shell.widgets("main")]) widget.dispose();
              await jupyterapp.serviceManager.sessions.shutdownAll();
            }"""
        )

    def outputs(self) -> list[dict[str, Any]]:
        """All outputs of the open notebook."""
        return self.page.evaluate(
            """() => jupyterapp.shell.currentWidget.content.model.toJSON().cells
                 .flatMap(cell => cell.outputs ?? [])"""
        )

    def error_outputs(self) -> list[dict[str, Any]]:
        """Errors, and what was written to stderr."""
        return [
            output
            for output in self.outputs()
            if output["output_type"] == "error" or output.get("name") == "stderr"
        ]
