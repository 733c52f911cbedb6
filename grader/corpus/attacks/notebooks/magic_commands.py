# attack: write files by cell magics and shell escapes
# wall: no cell is run by a kernel; a plugin's cells run in the worker alone
# kind: notebook
# expected_score: 2
"""Write files by cell magics and shell escapes."""


def tamper(notebook):
    sources = ["%%bash\ntouch @FOLDER@/magic", "!touch @FOLDER@/escape", "%%writefile @FOLDER@/x\nhere"]
    for number, source in enumerate(sources):
        cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": []}
        notebook["cells"].insert(number, {**cell, "execution_count": None, "id": f"magic-{number}"})
