"""TensorFlow's operations that a served model has no business with, and those that it may only have in certain places."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_PYTHON: Final = "runs Python code"
_FILES: Final = "reads or writes files"
_NETWORK: Final = "talks to other machines"
_NATIVE: Final = "calls native code by its name"

# By what they can do. The names are TensorFlow's; deprecated ones stay, because its runtime still runs them.
_BY_EFFECT: Final = {
    _PYTHON: "PyFunc PyFuncStateless EagerPyFunc",
    _FILES: """
        ReadFile WriteFile MatchingFiles MatchingFilesDataset ExperimentalMatchingFilesDataset FileSystemSetConfiguration
        FixedLengthRecordReader FixedLengthRecordReaderV2 LMDBReader TFRecordReader TFRecordReaderV2 TextLineReader
        TextLineReaderV2 WholeFileReader WholeFileReaderV2 RecordInput
        CSVDataset CSVDatasetV2 ExperimentalCSVDataset FixedLengthRecordDataset FixedLengthRecordDatasetV2 LMDBDataset
        ExperimentalLMDBDataset SqlDataset ExperimentalSqlDataset TFRecordDataset TFRecordDatasetV2 TextLineDataset
        CacheDataset CacheDatasetV2 DatasetToTFRecord ExperimentalDatasetToTFRecord LoadDataset SaveDataset SaveDatasetV2
        SnapshotChunkDataset SnapshotDataset SnapshotDatasetReader SnapshotDatasetV2 SnapshotNestedDatasetReader
        ListSnapshotChunksDataset DistributedSave
        CreateSummaryDbWriter CreateSummaryFileWriter ImportEvent DumpTensor CalibrationStatisticsSaver
        LoadAndRemapMatrix GenerateVocabRemapping DTensorRestoreV2
        DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary DebugNumericSummaryV2""",
    _NETWORK: """
        RpcCall RpcClient RpcServer RpcServerRegister RpcServerStart RemoteCall
        DataServiceDataset DataServiceDatasetV2 DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset
        RegisterDatasetV2""",
    _NATIVE: "XlaCustomCall XlaCustomCallV2",
}
FORBIDDEN: Final[Mapping[str, str]] = {name: effect for effect, names in _BY_EFFECT.items() for name in names.split()}

# Every export has these, for its own variables; elsewhere they read and write any file. See saved_model_rules.py.
SAVES: Final = frozenset(("Save", "SaveSlices", "SaveV2", "MergeV2Checkpoints"))
RESTORES: Final = frozenset(("Restore", "RestoreSlice", "RestoreV2"))
# Tables filled from the lines of a file, which has to be one of the model's assets: the index of its name in the inputs.
TABLE_FROM_FILE: Final[Mapping[str, int]] = {"InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1}
# Attributes that may name a file: the operation -> the attribute -> whether its value is harmless.
TELLING: Final[Mapping[str, Mapping[str, Callable[[str], bool]]]] = {
    "PrintV2": {"output_stream": lambda value: not value.startswith("file://")},
    "FixedUnigramCandidateSampler": {"vocab_file": lambda value: not value},
    "DecodeProtoV2": {"descriptor_source": lambda value: value == "local://" or value.startswith("bytes://")},
    "EncodeProto": {"descriptor_source": lambda value: value == "local://" or value.startswith("bytes://")},
}


@functools.cache
def known() -> frozenset[str]:
    """The operations that TensorFlow itself ships (tensorflow_ops.txt); others need a library loaded beside it."""
    return listed("tensorflow_ops.txt")


def listed(name: str) -> frozenset[str]:
    """The names in a data file of this package: one a line, comments after a #."""
    lines = Path(__file__).with_name(name).read_text().splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
