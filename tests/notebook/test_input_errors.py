from kernel_sim.errors import InputError


def test_a_wrong_name_is_answered_in_a_notebook_with_its_line_alone():
    error = InputError("no machine is called 'pc12'", where="machine", expected="pc128")
    assert error._render_traceback_() == ["machine: no machine is called 'pc12'; expected pc128"]
