"""Send every partition over the path whose edges cost least, each destination for itself.

Source: Dijkstra, "A note on two problems in connexion with graphs", 1959; with egress prices as lengths it is the
program that the public benchmark starts from (Cheng et al., arXiv 2510.06189).
"""

import networkx as nx
import numpy as np


def route(source, destinations, graph, partitions):
    names = graph.regions
    edges = nx.DiGraph()
    for tail, head in np.argwhere(graph.gbit_s > 0).tolist():
        edges.add_edge(names[tail], names[head], usd_per_gb=float(graph.usd_per_gb[tail, head]))
    found = nx.single_source_dijkstra_path(edges, source, weight="usd_per_gb")
    return {(d, partition): found[d] for d in destinations for partition in range(partitions)}
