package pocketavatar

import org.junit.Assume.assumeTrue
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class OnnxRuntimeBackendTest {
    @Test
    fun `quantized layers give on a PC what they give on a phone`() {
        assumeTrue("not an x86 processor", System.getProperty("os.arch") in setOf("amd64", "x86_64"))
        var entries = emptyMap<String, String>()
        val backend = OnnxRuntimeBackend(configure = { entries = configEntries })
        assertFailsWith<NoSuchElementException> {
            backend.load(Bundled.manifest.denoiser) { throw NoSuchElementException("no model is needed") }
        }
        assertEquals("1", entries["session.disable_quant_qdq"])
    }
}
