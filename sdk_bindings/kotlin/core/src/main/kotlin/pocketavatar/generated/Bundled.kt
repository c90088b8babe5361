// Made by `python -m sdk_bindings` from an artifact's manifest. Do not edit.
package pocketavatar

/** The styles of the artifact. Their order is what the model knows them by. */
public enum class Style(
    /** Name in the artifact and on the command line. */
    public val id: String,
    /** Name for people. */
    public val title: String,
    /** Who may use it. */
    public val tier: Tier,
    /** Who drew the style that the model learned from. */
    public val creator: String,
    /** Link to the creator. */
    public val creatorUrl: String,
    /** Licence of the drawings. */
    public val licence: String,
    /** Link to the licence. */
    public val licenceUrl: String,
    /** What the drawings are called. */
    public val source: String,
    /** Link to the drawings. */
    public val sourceUrl: String,
) {
    LORELEI(
        id = "lorelei",
        title = "Lorelei",
        tier = Tier.FREE,
        creator = "Lisa Wischofsky",
        creatorUrl = "https://www.instagram.com/lischi_art/",
        licence = "CC0 1.0",
        licenceUrl = "https://creativecommons.org/publicdomain/zero/1.0/",
        source = "Lorelei",
        sourceUrl = "https://www.figma.com/community/file/1198749693280469639",
    ),
    OPEN_PEEPS(
        id = "open-peeps",
        title = "Open Peeps",
        tier = Tier.FREE,
        creator = "Pablo Stanley",
        creatorUrl = "https://twitter.com/pablostanley",
        licence = "CC0 1.0",
        licenceUrl = "https://creativecommons.org/publicdomain/zero/1.0/",
        source = "Open Peeps",
        sourceUrl = "https://www.openpeeps.com/",
    ),
    PIXEL_ART(
        id = "pixel-art",
        title = "Pixel Art",
        tier = Tier.FREE,
        creator = "DiceBear",
        creatorUrl = "https://www.dicebear.com",
        licence = "CC0 1.0",
        licenceUrl = "https://creativecommons.org/publicdomain/zero/1.0/",
        source = "Pixel Art",
        sourceUrl = "https://www.figma.com/community/file/1198754108850888330",
    ),
    ADVENTURER(
        id = "adventurer",
        title = "Adventurer",
        tier = Tier.PLUS,
        creator = "Lisa Wischofsky",
        creatorUrl = "https://www.instagram.com/lischi_art/",
        licence = "CC BY 4.0",
        licenceUrl = "https://creativecommons.org/licenses/by/4.0/",
        source = "Adventurer",
        sourceUrl = "https://www.figma.com/community/file/1184595184137881796",
    ),
    PERSONAS(
        id = "personas",
        title = "Personas",
        tier = Tier.PLUS,
        creator = "Draftbit - draftbit.com",
        creatorUrl = "https://draftbit.com/",
        licence = "CC BY 4.0",
        licenceUrl = "https://creativecommons.org/licenses/by/4.0/",
        source = "Personas by Draftbit",
        sourceUrl = "https://personas.draftbit.com/",
    ),
    AVATAAARS(
        id = "avataaars",
        title = "Avataaars",
        tier = Tier.PLUS,
        creator = "Pablo Stanley",
        creatorUrl = "https://twitter.com/pablostanley",
        licence = "Free for personal and commercial use",
        licenceUrl = "https://avataaars.com/",
        source = "Avataaars",
        sourceUrl = "https://avataaars.com/",
    ),
    ;

    public companion object
}

/** The artifact that this library was published with. */
public object Bundled {
    /** Version of the software that exported the model. */
    public const val VERSION: String = "0.1.0"

    /** SPDX identifier of the weights' licence. */
    public const val LICENCE: String = "Apache-2.0"

    /** SHA-256 of the checkpoint that the model was exported from. */
    public const val CHECKPOINT: String = "b867a2e5c6ddc2b42913647b250fd6d8c5c719d4cc2965393a329454509931b3"

    internal val manifest: Manifest =
        Manifest(
            schemaVersion = 1,
            components =
                listOf(
                    Component(
                        name = "identity_encoder",
                        file = "identity_encoder.onnx",
                        inputs =
                            listOf(
                                TensorSpec(
                                    name = "selfies",
                                    shape = listOf(10, 3, 128, 128),
                                    type = ElementType.FLOAT32,
                                ),
                                TensorSpec(
                                    name = "selfie_mask",
                                    shape = listOf(10),
                                    type = ElementType.FLOAT32,
                                ),
                            ),
                        outputs =
                            listOf(
                                TensorSpec(
                                    name = "identity_tokens",
                                    shape = listOf(1, 8, 128),
                                    type = ElementType.FLOAT32,
                                ),
                            ),
                    ),
                    Component(
                        name = "denoiser",
                        file = "denoiser.onnx",
                        inputs =
                            listOf(
                                TensorSpec(
                                    name = "latents",
                                    shape = listOf(1, 8, 32, 32),
                                    type = ElementType.FLOAT32,
                                ),
                                TensorSpec(
                                    name = "timestep",
                                    shape = listOf(1),
                                    type = ElementType.FLOAT32,
                                ),
                                TensorSpec(
                                    name = "identity_tokens",
                                    shape = listOf(1, 8, 128),
                                    type = ElementType.FLOAT32,
                                ),
                                TensorSpec(
                                    name = "style",
                                    shape = listOf(1),
                                    type = ElementType.INT32,
                                ),
                            ),
                        outputs =
                            listOf(
                                TensorSpec(
                                    name = "prediction",
                                    shape = listOf(1, 8, 32, 32),
                                    type = ElementType.FLOAT32,
                                ),
                            ),
                    ),
                    Component(
                        name = "decoder",
                        file = "decoder.onnx",
                        inputs =
                            listOf(
                                TensorSpec(
                                    name = "latents",
                                    shape = listOf(1, 8, 32, 32),
                                    type = ElementType.FLOAT32,
                                ),
                            ),
                        outputs =
                            listOf(
                                TensorSpec(
                                    name = "avatar",
                                    shape = listOf(1, 3, 256, 256),
                                    type = ElementType.FLOAT32,
                                ),
                            ),
                    ),
                ),
            sampler =
                SamplerTable(
                    prediction = "velocity",
                    guidance = 1.0f,
                    timesteps = listOf(1000.0f, 500.0f),
                    sigmas = listOf(1.0f, 0.5f, 0.0f),
                ),
            also =
                listOf(
                    SamplerTable(
                        prediction = "velocity",
                        guidance = 1.0f,
                        timesteps = listOf(1100.0f),
                        sigmas = listOf(1.0f, 0.0f),
                    ),
                    SamplerTable(
                        prediction = "velocity",
                        guidance = 1.0f,
                        timesteps = listOf(1000.0f, 750.0f, 500.0f, 250.0f),
                        sigmas = listOf(1.0f, 0.75f, 0.5f, 0.25f, 0.0f),
                    ),
                ),
            rules =
                listOf(
                    Limits(
                        rule = Rule.COUNT,
                        min = 1.0,
                        max = 10.0,
                        about = "selfies of one person",
                    ),
                    Limits(
                        rule = Rule.SIDE,
                        min = 128.0,
                        max = null,
                        about = "the shorter side of the picture in pixels",
                    ),
                    Limits(
                        rule = Rule.BRIGHTNESS,
                        min = 0.15,
                        max = 0.85,
                        about = "neither too dark nor too bright",
                    ),
                    Limits(
                        rule = Rule.CONTRAST,
                        min = 0.05,
                        max = null,
                        about = "not flat: light and shadow differ",
                    ),
                    Limits(
                        rule = Rule.SHARPNESS,
                        min = 0.09,
                        max = null,
                        about = "not blurred",
                    ),
                    Limits(
                        rule = Rule.DIFFERENCE,
                        min = 0.04,
                        max = null,
                        about = "not nearly the same as an earlier selfie",
                    ),
                    Limits(
                        rule = Rule.FACES,
                        min = 1.0,
                        max = 1.0,
                        about = "exactly one face",
                    ),
                    Limits(
                        rule = Rule.FACE_SIZE,
                        min = 0.25,
                        max = null,
                        about = "a face large enough, by the picture's shorter side",
                    ),
                    Limits(
                        rule = Rule.FACE_OFFSET,
                        min = null,
                        max = 0.3,
                        about = "a face near the centre of the picture",
                    ),
                ),
            files =
                listOf(
                    ModelFile(
                        path = "README.md",
                        bytes = 2529,
                        sha256 = "892ca42b329fbfa13aa3474f46a27d89cee2e46f8c62435ab3687965ac7b2286",
                    ),
                    ModelFile(
                        path = "decoder.onnx",
                        bytes = 2463024,
                        sha256 = "e8d986d909d011d3fb040965d7835609d13b34aa6c50362160fd81d65fcabc74",
                    ),
                    ModelFile(
                        path = "denoiser.onnx",
                        bytes = 18910401,
                        sha256 = "a147a1ffd99a6e509aee9b386bfc78bfc9832d735867892083cd449f0c6a8022",
                    ),
                    ModelFile(
                        path = "identity_encoder.onnx",
                        bytes = 5508998,
                        sha256 = "79b696b54ae54d4f248680f5b0d776d66c3a0e23fab3c4be8d1b0c25ba4a01fe",
                    ),
                ),
        )
}
