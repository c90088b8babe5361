package pocketavatar.example

import java.io.ByteArrayOutputStream
import java.io.PrintStream
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class MainTest {
    /** Returns the exit code and the output. */
    private fun run(vararg arguments: String): Pair<Int, String> {
        val said = ByteArrayOutputStream()
        val (out, err) = System.out to System.err
        try {
            PrintStream(said).let {
                System.setOut(it)
                System.setErr(it)
            }
            return run(arguments.toList()) to said.toString()
        } finally {
            System.setOut(out)
            System.setErr(err)
        }
    }

    @Test
    fun `help explains every option`() {
        val (code, said) = run("--help")
        assertEquals(0, code)
        for (option in listOf("style", "plus", "seed", "count", "steps", "threads", "artifact", "out")) {
            assertTrue("--$option" in said, option)
        }
    }

    @Test
    fun `an error is one line`() {
        val wrong =
            mapOf(
                listOf("--size", "3") to "there is no option --size",
                listOf("--seed") to "--seed needs a value",
                listOf("--seed", "-1") to "--seed is -1, expected a whole number",
                listOf("--count", "0") to "--count is 0, expected at least 1",
                listOf("--style", "vaporwave") to "no style is named vaporwave",
                listOf("--artifact", "/nowhere", "me.png") to "README.md is missing",
            )
        for ((arguments, expected) in wrong) {
            val (code, said) = run(*arguments.toTypedArray())
            assertEquals(2, code)
            assertTrue(expected in said && said.trim().lines().size == 1, said)
        }
    }
}
