// Reads a segmentation and a structure set as the OHIF viewer does (dcmjs, @cornerstonejs/adapters), headless.
//
//   node read_results.mjs SEG RTSTRUCT LABELS CONTOURS IMAGE...
//
// IMAGE: the files of the reference series, slice by slice (one file for an enhanced series). Writes LABELS, the
// label map of the segmentation as 16-bit little endian [slices, rows, columns], and CONTOURS, JSON:
// {ROI number: {"name", "contours": [{"image": SOP instance UID, "frame", "points": [x, y, z, ...]}]}}.
// The packages are resolved from the folder of this script: copy it beside node_modules.
import fs from 'node:fs';
import dcmjs from 'dcmjs';
import { metaData } from '@cornerstonejs/core';
import { adaptersSEG } from '@cornerstonejs/adapters';

function readFile(path) {
  const bytes = fs.readFileSync(path);
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const dicom = dcmjs.data.DicomMessage.readFile(buffer);
  return { buffer, dataset: dcmjs.data.DicomMetaDictionary.naturalizeDataset(dicom.dict) };
}

const array = value => (value === undefined ? [] : Array.isArray(value) ? value : [value]);

/** One entry a slice: the attributes that a viewer's metadata provider gives for an image identifier. */
function slicesOf(dataset) {
  if (dataset.PerFrameFunctionalGroupsSequence === undefined)
    return [{ imageId: `wadouri:${dataset.SOPInstanceUID}`, dataset, plane: dataset }];
  const shared = array(dataset.SharedFunctionalGroupsSequence)[0];
  return array(dataset.PerFrameFunctionalGroupsSequence).map((groups, n) => {
    const group = name => array(groups[name] ?? shared[name])[0];
    return {
      imageId: `wadouri:${dataset.SOPInstanceUID}?frame=${n + 1}`,
      dataset,
      plane: {
        ImagePositionPatient: group('PlanePositionSequence').ImagePositionPatient,
        ImageOrientationPatient: group('PlaneOrientationSequence').ImageOrientationPatient,
        PixelSpacing: group('PixelMeasuresSequence').PixelSpacing,
      },
    };
  });
}

function metadataProvider(slices) {
  const byId = new Map(slices.map(slice => [slice.imageId, slice]));
  return (type, imageId) => {
    const slice = byId.get(imageId);
    if (slice === undefined) return undefined;
    const { dataset, plane } = slice;
    const orientation = array(plane.ImageOrientationPatient).map(Number);
    const [rowSpacing, columnSpacing] = array(plane.PixelSpacing).map(Number);
    switch (type) {
      case 'imagePlaneModule':
        return {
          rows: dataset.Rows, columns: dataset.Columns,
          rowCosines: orientation.slice(0, 3), columnCosines: orientation.slice(3),
          imageOrientationPatient: orientation,
          imagePositionPatient: array(plane.ImagePositionPatient).map(Number),
          pixelSpacing: [rowSpacing, columnSpacing],
          rowPixelSpacing: rowSpacing, columnPixelSpacing: columnSpacing,
          frameOfReferenceUID: dataset.FrameOfReferenceUID,
        };
      case 'generalSeriesModule':
        return { seriesInstanceUID: dataset.SeriesInstanceUID, modality: dataset.Modality };
      case 'generalImageModule':
        return { sopInstanceUID: dataset.SOPInstanceUID };
      case 'imagePixelModule':
        return {
          bitsAllocated: 16, bitsStored: 16, highBit: 15, samplesPerPixel: 1, pixelRepresentation: 0,
          photometricInterpretation: 'MONOCHROME2', rows: dataset.Rows, columns: dataset.Columns,
        };
      case 'instance':
        return { ...dataset, ...plane };
      default:
        return undefined;
    }
  };
}

async function readSegmentation(file, slices) {
  const provider = metadataProvider(slices);
  metaData.addProvider(provider, 10000);
  const imageIds = slices.map(slice => slice.imageId);
  const { labelMapImages, overlappingSegments } = await adaptersSEG.Cornerstone3D.Segmentation.createFromDICOMSegBuffer(
    imageIds, readFile(file).buffer, { metadataProvider: { get: metaData.get } });
  if (overlappingSegments) throw new Error('the segments overlap');
  const pixels = slices[0].dataset.Rows * slices[0].dataset.Columns;
  const labels = new Uint16Array(pixels * slices.length);
  for (const images of labelMapImages)
    images.forEach((image, k) => labels.set(image.voxelManager.getScalarData(), k * pixels));
  return labels;
}

function readStructureSet(file) {
  const { dataset } = readFile(file);
  const rois = {};
  for (const roi of array(dataset.StructureSetROISequence)) rois[roi.ROINumber] = { name: roi.ROIName, contours: [] };
  for (const roi of array(dataset.ROIContourSequence))
    for (const contour of array(roi.ContourSequence)) {
      if (contour.ContourGeometricType !== 'CLOSED_PLANAR') throw new Error(`a contour is ${contour.ContourGeometricType}`);
      const image = array(contour.ContourImageSequence)[0];
      rois[roi.ReferencedROINumber].contours.push({
        image: image.ReferencedSOPInstanceUID,
        frame: Number(image.ReferencedFrameNumber ?? 1),
        points: array(contour.ContourData).map(Number),
      });
    }
  return rois;
}

const [seg, rtstruct, labelsFile, contoursFile, ...images] = process.argv.slice(2);
const along = slice => {
  const [a, b, c, d, e, f] = array(slice.plane.ImageOrientationPatient).map(Number);
  const [x, y, z] = array(slice.plane.ImagePositionPatient).map(Number);
  return x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d);
};
const slices = images.flatMap(image => slicesOf(readFile(image).dataset)).sort((s, t) => along(s) - along(t));
fs.writeFileSync(labelsFile, new Uint8Array((await readSegmentation(seg, slices)).buffer));
fs.writeFileSync(contoursFile, JSON.stringify(readStructureSet(rtstruct)));
