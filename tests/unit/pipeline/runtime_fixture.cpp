#include "dicom/runtime.h"

// DCMTK's global state for the whole test program; its log is dropped.
static const metserve::dicom::Runtime runtime;
