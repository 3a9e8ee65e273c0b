"""Tools of the robustness tests: taking artifacts apart, forging them anew, mutating them, judging what comes out."""
