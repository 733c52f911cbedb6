"""The plugin host: from a source to a plugin, from a hook to a call, from a failure to a report.

What others use lies one level up: `kernel_sim.loading`, `kernel_sim.boot`, `kernel_sim.kernel` and
`kernel_sim.hooks`.

::

    loading   source_plugin notebook_source running_notebook -> loaded_plugin implementations
    boot      assembly registration binding -> plugin_host, boot_steps, fault_path, reservation
    calls     hook_calls arguments results chains observers, pluggy_route for wrappers
    limits    budget watchdog line_counter insistence
    reports   oops source_location missing boot_report plain
"""
