# attack: hand in outputs that say how many points there are
# wall: outputs are thrown away
# kind: notebook
# expected_score: 2
"""Hand in outputs that say how many points there are."""


def tamper(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            data = {"text/plain": "90.0", "text/html": "<script id='forged'>90</script>"}
            output = {"output_type": "execute_result", "data": data, "metadata": {}}
            cell["outputs"] = [{**output, "execution_count": 1}]
