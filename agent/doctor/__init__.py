"""What is wrong with this agent's installation, in one page that may be sent to support: no secret is in it.

Changes nothing but a file that is written into the state folder and removed at once; measures nothing.
"""

from agent.doctor.examining import examine
from agent.doctor.finding import Examination
from agent.doctor.installation import Place
from agent.doctor.page import lines

__all__ = ["Examination", "Place", "examine", "lines"]
