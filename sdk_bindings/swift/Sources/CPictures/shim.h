#include <lcms2.h>
#include <png.h>
#include <zlib.h>

/* Little CMS defines these formats with macros, which Swift cannot import. */
static const cmsUInt32Number pictures_rgba = TYPE_RGBA_8;
static const cmsUInt32Number pictures_grey_of_rgba =
    COLORSPACE_SH(PT_GRAY) | EXTRA_SH(3) | CHANNELS_SH(1) | BYTES_SH(1);
