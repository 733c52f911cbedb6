# attack: put a script into the feedback by way of an error's message
# wall: all of a worker's text is escaped
# kind: forge
# expected_score: 2
"""Put a script into the feedback by way of an error's message."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    raise ValueError("</div><script id='forged'>document.title='90/90'</script><b>PASSED 90/90</b>")
