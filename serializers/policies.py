"""The two policies together, and the version they make up."""

from serializers import model, webmaster
from serializers.policy.publish import document_of, version_of

POLICIES = (webmaster.POLICY, model.POLICY)
DOCUMENT = document_of(POLICIES)
VERSION = version_of(DOCUMENT)
