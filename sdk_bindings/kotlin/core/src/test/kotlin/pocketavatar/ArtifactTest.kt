package pocketavatar

import kotlinx.coroutines.runBlocking
import org.junit.Rule
import org.junit.rules.TemporaryFolder
import java.io.File
import java.security.MessageDigest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull

/** A model that differs from the one in the manifest gives one typed error. */
class ArtifactTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val model = ByteArray(100_000) { (it * 31).toByte() }

    /** The manifest of a small artifact, which it writes to disk. */
    private val manifest by lazy {
        write("README.md", "{}".toByteArray())
        write("denoiser.onnx", model)
        val files = listOf("README.md", "denoiser.onnx").map { ModelFile(it, file(it).length(), sha256(file(it))) }
        Manifest(1, Bundled.manifest.components, Bundled.manifest.samplers, emptyList(), files)
    }

    private fun file(name: String) = File(folder.root, name)

    private fun write(name: String, bytes: ByteArray) = file(name).writeBytes(bytes)

    private fun sha256(file: File) =
        MessageDigest.getInstance("SHA-256").digest(file.readBytes()).joinToString("") {
            "%02x".format(it)
        }

    private fun open(manifest: Manifest = this.manifest) =
        runBlocking { AvatarStudio.open(manifest, DirectorySource(folder.root), StudioOptions(FakeBackend())) }

    @Test
    fun `a whole artifact opens, and its bytes are what was written`() {
        open().close()
        val bytes = Artifact(manifest, DirectorySource(folder.root)).read("denoiser.onnx")
        assertEquals(model.toList(), List(bytes.remaining()) { bytes[it] })
    }

    @Test
    fun `a missing file is named`() {
        manifest
        file("denoiser.onnx").delete()
        assertEquals("denoiser.onnx", assertFailsWith<AvatarException.ModelMissing> { open() }.file)
        folder.root.deleteRecursively()
        assertEquals("README.md", assertFailsWith<AvatarException.ModelMissing> { open() }.file)
    }

    @Test
    fun `a truncated or longer file is refused`() {
        manifest
        write("denoiser.onnx", model.copyOf(99_999))
        assertEquals("denoiser.onnx", assertFailsWith<AvatarException.ModelDamaged> { open() }.file)
        write("denoiser.onnx", model.copyOf(100_001))
        assertEquals("denoiser.onnx", assertFailsWith<AvatarException.ModelDamaged> { open() }.file)
    }

    @Test
    fun `one changed byte anywhere is noticed`() {
        manifest
        for (at in listOf(0, 65_535, 65_536, 99_999)) {
            write("denoiser.onnx", model.clone().also { it[at]++ })
            assertFailsWith<AvatarException.ModelDamaged> { open() }
        }
    }

    @Test
    fun `a file that changes after it was opened is found when it is loaded`() {
        val artifact = Artifact(manifest, DirectorySource(folder.root)).apply { verify() }
        write("denoiser.onnx", model.clone().also { it[5]++ })
        assertFailsWith<AvatarException.ModelDamaged> { artifact.read("denoiser.onnx") }
    }

    @Test
    fun `a file on the disk is opened there, and checked again after a change`() {
        val artifact = Artifact(manifest, DirectorySource(folder.root)).apply { verify() }
        assertEquals(file("denoiser.onnx"), artifact.file("denoiser.onnx"))
        write("denoiser.onnx", model.clone().also { it[5]++ })
        file("denoiser.onnx").setLastModified(1_000_000)
        assertFailsWith<AvatarException.ModelDamaged> { artifact.file("denoiser.onnx") }
        write("denoiser.onnx", model)
        assertEquals(file("denoiser.onnx"), artifact.file("denoiser.onnx"))
        file("denoiser.onnx").delete()
        assertFailsWith<AvatarException.ModelMissing> { artifact.file("denoiser.onnx") }
        assertNull(Artifact(manifest) { file(it).inputStream() }.file("denoiser.onnx"))
    }

    @Test
    fun `another artifact is refused`() {
        manifest
        write("README.md", "[]".toByteArray())
        write("denoiser.onnx", byteArrayOf(1))
        assertFailsWith<AvatarException.ModelOfAnotherVersion> { open() }
    }

    @Test
    fun `an unknown schema version is refused`() {
        val error = assertFailsWith<AvatarException.ModelOfAnotherVersion> { open(manifest.with(schemaVersion = 3)) }
        assertEquals("its schema version is 3, this library reads 1 and 2", error.reason)
    }

    @Test
    fun `schemas of both versions are read`() {
        for (version in 1..2) open(manifest.with(schemaVersion = version)).close()
    }

    @Test
    fun `tables and previews that do not fit are refused`() {
        val times = listOf(1000f, 500f)
        val levels = listOf(1f, 0.5f, 0f)
        val tables =
            listOf(
                SamplerTable("velocity", 1f, times, listOf(1f, 0f)),
                SamplerTable("velocity", 1f, times, levels, downs = listOf(0.5f, 0f)),
                SamplerTable("velocity", 1f, times, levels, downs = listOf(0.5f), noises = listOf(0f)),
                SamplerTable("velocity", 1f, times, levels, downs = listOf(1f, 0f), noises = listOf(1f, 0f)),
            )
        for (table in tables) {
            val error =
                assertFailsWith<AvatarException.ModelOfAnotherVersion> { open(manifest.with(samplers = listOf(table))) }
            assertEquals("a sampler table is incomplete", error.reason)
        }
        val preview = LatentPreview(emptyList(), listOf(0f, 0f, 0f))
        val error = assertFailsWith<AvatarException.ModelOfAnotherVersion> { open(manifest.with(preview = preview)) }
        assertEquals("its preview does not fit its latents", error.reason)
    }

    @Test
    fun `a folder in the place of a file is refused`() {
        manifest
        file("denoiser.onnx").delete()
        file("denoiser.onnx").mkdir()
        assertFailsWith<AvatarException> { open() }
    }
}
